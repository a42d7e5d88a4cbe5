"""Reads from bytes of strangers what a message needs to know of them: type, size of a picture, duration (ADR 66)."""
