"""How encrypted bytes stand where a text in clear may stand too, in columns and in settings (ADR 72)."""

import base64
from typing import Final

FIRST: Final = "ENC("
LAST: Final = ")"
"""Between them is base64."""


def enclosed(kept: bytes) -> str:
    """Encrypted bytes as a text."""
    return f"{FIRST}{base64.b64encode(kept).decode()}{LAST}"


def opened(text: str) -> bytes:
    """The encrypted bytes of such a text. Raises `ValueError`, which says nothing about it."""
    try:
        return base64.b64decode(text.removeprefix(FIRST).removesuffix(LAST), validate=True)
    except ValueError:
        raise ValueError("it is damaged") from None
