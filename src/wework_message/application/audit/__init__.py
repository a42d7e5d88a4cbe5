"""The audit trail: what is written before something is done, and how it ended (ADR 70)."""
