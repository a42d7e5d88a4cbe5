"""Media: what is made of files before messages can name them (ADR 66)."""
