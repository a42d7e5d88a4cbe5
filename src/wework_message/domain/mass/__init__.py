"""Native mass sends: one call for many recipients (ADR 67)."""
