"""Media: where the bytes are, temporary files for what comes in, and what is read from them (ADR 66)."""
