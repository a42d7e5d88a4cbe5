"""Ids for requests that bring none."""

import os


def new_request_id() -> str:
    """32 hexadecimal digits nobody can guess."""
    return os.urandom(16).hex()
