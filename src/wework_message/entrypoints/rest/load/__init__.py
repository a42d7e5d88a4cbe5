"""How many requests are taken in: counted while they are work, and refused beyond limits (ADR 71)."""
