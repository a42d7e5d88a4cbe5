"""Hashes that stand for a text."""

import hashlib


def digest_of(text: str) -> str:
    """SHA-256, 64 hexadecimal digits: equal for equal texts, and of what nobody can guess the way back is as long as guessing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
