"""Short-lived addresses of an asset's content: anybody who has one reads the bytes until it expires."""

import hmac
import re
from typing import Final

from wework_message.domain.ids import MediaId

_SECONDS: Final = re.compile("[0-9]{1,12}")


def signature(key: bytes, media_id: MediaId, expires: int) -> str:
    """Hex HMAC-SHA256 by the asset's `address_key`; `expires` is epoch seconds."""
    return hmac.digest(key, b"%s.%d" % (media_id.encode(), expires), "sha256").hex()


def is_valid(key: bytes, media_id: MediaId, expires: str, signed: str, *, now: int) -> bool:
    """Whether an address with these two parameters may be read at `now` (epoch ms)."""
    if not _SECONDS.fullmatch(expires):
        return False
    expected = signature(key, media_id, int(expires))
    return hmac.compare_digest(expected.encode(), signed.encode()) and now <= int(expires) * 1000


def content_path(key: bytes, media_id: MediaId, expires: int) -> str:
    """Path and query of such an address, below the context path."""
    return f"/api/media/{media_id}/content?expires={expires}&signature={signature(key, media_id, expires)}"
