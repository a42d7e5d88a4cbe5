"""Secrets in columns: encrypted for their row where there is a key, else as they are (ADR 72)."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column

from wework_message.adapters.enclosed import FIRST, enclosed, opened
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.secrets import SecretCipher

BYTES: Final = b"ENC"
"""What stands before encrypted bytes. A key in clear has 32 bytes, an encrypted one has many more."""

_CLEAR_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SecretColumns:
    """How secrets get into their columns and out of them."""

    cipher: SecretCipher | None = None
    """None = they are stored in clear."""

    def stored_text(self, column: Column[str], row_id: str, clear: str) -> str:
        """What `column` of the row gets."""
        if self.cipher is None or self.cipher.key_id is None:
            return clear
        return enclosed(self.cipher.encrypt(clear.encode(), place_of(column, row_id)))

    def clear_text(self, column: Column[str], row_id: str, stored: str) -> str:
        """What `stored_text` was given; also where it was stored in clear. Raises `UnavailableError`."""
        kept = kept_text(stored)
        return stored if kept is None else self._cipher().decrypt(kept, place_of(column, row_id)).decode()

    def stored_bytes(self, column: Column[bytes], row_id: str, clear: bytes) -> bytes:
        """What `column` of the row gets; `clear` has at most 32 bytes."""
        if self.cipher is None or self.cipher.key_id is None:
            return clear
        return BYTES + self.cipher.encrypt(clear, place_of(column, row_id))

    def clear_bytes(self, column: Column[bytes], row_id: str, stored: bytes) -> bytes:
        """What `stored_bytes` was given; also where it was stored in clear. Raises `UnavailableError`."""
        kept = kept_bytes(stored)
        return stored if kept is None else self._cipher().decrypt(kept, place_of(column, row_id))

    def _cipher(self) -> SecretCipher:
        if self.cipher is None:
            raise UnavailableError("secrets", "those of the database are encrypted, and this process has no key")
        return self.cipher


CLEAR: Final = SecretColumns()
"""Without a key."""


def place_of(column: Column[str] | Column[bytes], row_id: str) -> str:
    """Where a secret is kept, for its cipher."""
    return f"{column.table.name}.{column.name}/{row_id}"


def kept_text(stored: str) -> bytes | None:
    """The encrypted bytes of a column's text; None where it is in clear. Raises `UnavailableError`."""
    if not stored.startswith(FIRST):
        return None
    try:
        return opened(stored)
    except ValueError:
        raise UnavailableError("secrets", "one is damaged") from None


def kept_bytes(stored: bytes) -> bytes | None:
    """The encrypted bytes of a column; None where it is in clear."""
    return stored.removeprefix(BYTES) if len(stored) > _CLEAR_BYTES else None
