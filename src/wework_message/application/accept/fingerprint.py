"""What a request asked, as a hash: the same key with another fingerprint is a conflict (decision 45)."""

import hashlib
from collections.abc import Iterable

import msgspec

from wework_message.domain.message.draft import Draft

_ENCODER = msgspec.json.Encoder(order="deterministic")


def fingerprint(drafts: Iterable[Draft], *, mode: str = "") -> bytes:
    """SHA-256 of the parsed request: of what it means, not of its bytes, so spacing and key order do not matter."""
    digest = hashlib.sha256(mode.encode())
    for draft in drafts:
        digest.update(_ENCODER.encode(draft))
        digest.update(b"\x1e")
    return digest.digest()
