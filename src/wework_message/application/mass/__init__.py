"""Native mass sends: their confirmation, and the loop that makes their calls (ADR 67)."""
