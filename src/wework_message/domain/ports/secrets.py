"""The port for secrets at rest: what the database and the settings hold is encrypted (ADR 72)."""

from typing import Protocol


class SecretCipher(Protocol):
    """Encrypts values for the place where they are kept, and decrypts them there. It needs no connection."""

    @property
    def key_id(self) -> str | None:
        """Which key encrypts, as 8 hexadecimal digits that tell nothing about it; None: new values are kept in clear."""
        ...

    @property
    def key_ids(self) -> frozenset[str]:
        """The keys whose values can be decrypted."""
        ...

    def encrypt(self, clear: bytes, place: str) -> bytes:
        """`clear` for `place`, such as ``wm_webhook.secret/<id>``; twice the same value makes two different results.

        Raises `ValueError` where `key_id` is None.
        """
        ...

    def decrypt(self, kept: bytes, place: str) -> bytes:
        """What `encrypt` was given for the same place.

        Raises `UnavailableError` where its key is not there, and where key, place or bytes are not those of `encrypt`.
        """
        ...

    def renew(self, kept: bytes, place: str) -> bytes:
        """The same value under the key that encrypts now. Raises as both others do."""
        ...

    def key_id_of(self, kept: bytes) -> str:
        """Which key `kept` needs. Raises `UnavailableError` for bytes that `encrypt` cannot have made."""
        ...
