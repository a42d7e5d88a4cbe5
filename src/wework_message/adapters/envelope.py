"""Envelope encryption: each value has a key of its own, which the master key encrypts; both with AES-256-GCM (ADR 72).

An envelope is ``version | key id | nonce | encrypted data key | nonce | encrypted value``. The place of the value is authenticated
with both, so that an envelope cannot be moved to another row, column or setting.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.secrets import SecretCipher

KEY_BYTES: Final = 32
"""Length of a master key."""

_VERSION: Final = b"\x01"
_ID_BYTES: Final = 4
_NONCE: Final = 12
_TAG: Final = 16
_WRAPPED: Final = slice(1 + _ID_BYTES, 1 + _ID_BYTES + _NONCE + KEY_BYTES + _TAG)
_HEAD: Final = _WRAPPED.stop
_SHORTEST: Final = _HEAD + _NONCE + _TAG
_NAME: Final = b"wework-message master key "


def key_of(text: str) -> bytes:
    """The master key of its base64. Raises `ValueError`, which says nothing about the text."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be the base64 of {KEY_BYTES} random bytes")
    return key


class EnvelopeCipher:
    """Encrypts with one master key, and decrypts with several."""

    def __init__(self, key: bytes | None, previous: Sequence[bytes] = ()) -> None:
        """`key` encrypts, None = nothing is encrypted any more or yet; `previous` decrypt too. Each has `KEY_BYTES` bytes."""
        self._key_id = None if key is None else _id_of(key)
        self._masters = {_id_of(known): AESGCM(known) for known in (key, *previous) if known is not None}

    @property
    def key_id(self) -> str | None:
        """The beginning of a hash of the key."""
        return None if self._key_id is None else self._key_id.hex()

    @property
    def key_ids(self) -> frozenset[str]:
        """All that it was made with."""
        return frozenset(key_id.hex() for key_id in self._masters)

    def encrypt(self, clear: bytes, place: str) -> bytes:
        """Two random nonces and a random data key."""
        data_key = AESGCM.generate_key(256)
        nonce = secrets.token_bytes(_NONCE)
        return self._wrapped(data_key, place) + nonce + AESGCM(data_key).encrypt(nonce, clear, place.encode())

    def decrypt(self, kept: bytes, place: str) -> bytes:
        """Both authenticate."""
        data_key = AESGCM(self._data_key(kept, place))
        try:
            return data_key.decrypt(kept[_HEAD : _HEAD + _NONCE], kept[_HEAD + _NONCE :], place.encode())
        except InvalidTag:
            raise _damaged() from None

    def renew(self, kept: bytes, place: str) -> bytes:
        """The value stays as it is encrypted; its data key is encrypted anew. What cannot be decrypted is not renewed."""
        self.decrypt(kept, place)
        return self._wrapped(self._data_key(kept, place), place) + kept[_HEAD:]

    def key_id_of(self, kept: bytes) -> str:
        """It stands in front."""
        if len(kept) < _SHORTEST or kept[:1] != _VERSION:
            raise _damaged()
        return kept[1 : 1 + _ID_BYTES].hex()

    def _wrapped(self, data_key: bytes, place: str) -> bytes:
        if self._key_id is None:
            raise ValueError("there is no key to encrypt with")
        nonce = secrets.token_bytes(_NONCE)
        head = _VERSION + self._key_id
        return head + nonce + self._masters[self._key_id].encrypt(nonce, data_key, head + place.encode())

    def _data_key(self, kept: bytes, place: str) -> bytes:
        key_id = self.key_id_of(kept)
        master = self._masters.get(bytes.fromhex(key_id))
        if master is None:
            raise UnavailableError("secrets", f"one is encrypted with the key {key_id}, which this process has not")
        wrapped = kept[_WRAPPED]
        try:
            return master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], kept[: 1 + _ID_BYTES] + place.encode())
        except InvalidTag:
            raise _damaged() from None


def _id_of(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a master key has {KEY_BYTES} bytes")
    return hashlib.sha256(_NAME + key).digest()[:_ID_BYTES]


def _damaged() -> UnavailableError:
    return UnavailableError("secrets", "one is damaged, or was moved from another place")


def _conforms(cipher: EnvelopeCipher) -> SecretCipher:
    return cipher
