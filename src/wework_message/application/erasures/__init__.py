"""Erasures of what is held of a person: begun by a request, and done by a loop (ADR 63)."""
