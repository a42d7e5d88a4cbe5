"""Signatures of Standard Webhooks, symmetric (``v1``, HMAC-SHA256): https://www.standardwebhooks.com.

What is signed is ``id.timestamp.body``. Instants and bytes arrive as arguments; who verifies says what time it is.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Self

from wework_message.domain.errors import InvalidValueError

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"

TOLERANCE_MS: Final = 5 * 60 * 1000
"""How far the timestamp of a request may be from now, in both directions: a captured request cannot be replayed later."""

PREFIX: Final = "whsec_"
MIN_SECRET_BYTES: Final = 24
MAX_SECRET_BYTES: Final = 64

_VERSION: Final = "v1,"
_ID: Final = re.compile(r"[!-\-/-~]{1,256}")
"""Printable ASCII without the full stop: with one, two requests could have the same signed bytes."""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class SigningSecret:
    """A key that sender and receiver share; it shows as ``***`` wherever it is printed, and `reveal` returns its text."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """`key` is 24 to 64 random bytes. Raises `ValueError` for another length."""
        if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
            raise ValueError(f"a signing secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")
        self._key = key

    @classmethod
    def parse(cls, text: str, *, path: str = "secret") -> Self:
        """The secret of ``whsec_`` and base64. Raises `InvalidValueError`, which names the field `path`."""
        encoded = text.removeprefix(PREFIX) if text.startswith(PREFIX) else ""
        try:
            return cls(base64.b64decode(encoded, validate=True))
        except ValueError:
            raise InvalidValueError(
                path, f"must be {PREFIX} and the base64 of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes"
            ) from None  # its text may hold a part of the secret

    def reveal(self) -> str:
        """The text that `parse` reads; for the one answer, or the one column, that needs it."""
        return PREFIX + base64.b64encode(self._key).decode("ascii")

    def signature(self, signed: bytes) -> bytes:
        """One signature as it stands in the header, with its version."""
        return _VERSION.encode() + base64.b64encode(hmac.digest(self._key, signed, "sha256"))

    def __repr__(self) -> str:
        return "***"


class SignatureCheck(StrEnum):
    """What the three headers prove about a request."""

    VERIFIED = "VERIFIED"
    """Who sent it knows a secret, and signed these bytes at about this time."""
    MISSING = "MISSING"
    """A header is absent."""
    MALFORMED = "MALFORMED"
    """The id or the timestamp has not the form that the standard gives it."""
    STALE = "STALE"
    """The timestamp is more than five minutes from now."""
    MISMATCH = "MISMATCH"
    """No signature fits one of the secrets: another secret, or other bytes."""


def signed_headers(
    secrets: Sequence[SigningSecret], webhook_id: str, now_ms: int, body: bytes
) -> tuple[tuple[str, str], ...]:
    """The three headers of one delivery attempt; one signature for each secret, so that receivers may change theirs in time.

    `webhook_id` is the same in every attempt of an event; `now_ms` is the instant of this attempt. Raises `ValueError`
    without a secret, and for an id that is not 1 to 256 of printable ASCII without a full stop.
    """
    if not secrets or not _ID.fullmatch(webhook_id):
        raise ValueError("a signature needs a secret, and an id without blanks and full stops")
    timestamp = str(now_ms // 1000)
    signed = _signed(webhook_id, timestamp, body)
    signatures = b" ".join(secret.signature(signed) for secret in secrets).decode("ascii")
    return (ID_HEADER, webhook_id), (TIMESTAMP_HEADER, timestamp), (SIGNATURE_HEADER, signatures)


def check_signature(
    secrets: Sequence[SigningSecret], headers: Mapping[str, str], now_ms: int, body: bytes
) -> SignatureCheck:
    """Whether one signature of the request fits one of the secrets. `headers` have names in lower case; never raises.

    Signatures of other versions are skipped. Comparing takes the same time whichever byte differs.
    """
    webhook_id, timestamp, signatures = (headers.get(name) for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
    if not webhook_id or not timestamp or not signatures:
        return SignatureCheck.MISSING
    if not _ID.fullmatch(webhook_id) or not _SECONDS.fullmatch(timestamp):
        return SignatureCheck.MALFORMED
    if abs(now_ms - int(timestamp) * 1000) > TOLERANCE_MS:
        return SignatureCheck.STALE
    signed = _signed(webhook_id, timestamp, body)
    candidates = [text.encode("utf-8", "surrogatepass") for text in signatures.split(" ")]
    expected = [secret.signature(signed) for secret in secrets]
    fits = [hmac.compare_digest(candidate, signature) for signature in expected for candidate in candidates]
    return SignatureCheck.VERIFIED if any(fits) else SignatureCheck.MISMATCH


def _signed(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode("ascii") + body
