"""Ids for requests that bring none."""

import os


def new_request_id() -> str:
    """32 random hexadecimal digits."""
    return os.urandom(16).hex()
