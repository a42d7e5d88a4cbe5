"""The loop that makes the calls of native mass sends (ADR 67)."""
