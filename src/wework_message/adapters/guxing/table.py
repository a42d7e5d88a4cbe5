"""The fields of one content under the vendor's names."""

from typing import Any, Final

import msgspec

CHANNEL_FEED: Final = (
    "feed_type=channel_feed_type cover_url=channel_cover_url thumb_url=channel_thumb_url avatar=channel_avatar"
    " nickname=channel_nickname desc=channel_description url=channel_url extras=channel_extras"
)
"""The fields of a send and of an item in a merged record."""

CHANNEL_LIVE: Final = f"{CHANNEL_FEED} object_id=channel_object_id object_nonce_id=channel_object_nonce_id"
"""The fields of a send and of an item in a merged record."""


class VendorFields:
    """Copies fields: ``"size=file_size md5"`` reads `file_size` and `md5` and names them `size` and `md5`."""

    __slots__ = ("_pairs",)

    def __init__(self, table: str) -> None:
        """`table` lists the vendor's names in the order of the contract, each with our name if it differs."""
        self._pairs = [
            (vendor, ours or vendor) for vendor, _, ours in (entry.partition("=") for entry in table.split())
        ]

    def of(self, content: msgspec.Struct) -> dict[str, Any]:
        """The fields of this content. Raises `AttributeError` for a missing one."""
        return {vendor: getattr(content, ours) for vendor, ours in self._pairs}
