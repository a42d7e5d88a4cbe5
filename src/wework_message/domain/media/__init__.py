"""Media assets: files of clients that providers take by a handle of their own (ADR 66)."""
