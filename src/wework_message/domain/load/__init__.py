"""How much a process takes on at once, and what it refuses first (ADR 71)."""
