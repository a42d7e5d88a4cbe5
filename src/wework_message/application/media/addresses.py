"""Addresses of this service at which providers fetch media."""

from dataclasses import dataclass

from wework_message.domain.errors import UnavailableError
from wework_message.domain.media.addresses import content_path
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.ports.system import Clock


@dataclass(frozen=True, slots=True)
class SignedAddresses:
    """Signs addresses of contents."""

    public_url: str | None
    """How providers reach this service, with its context path; None: nobody said."""
    clock: Clock

    def __call__(self, asset: MediaAsset, *, valid_s: int) -> str | None:
        """Where a provider reads the bytes for `valid_s` seconds; None: this service does not know how providers reach it.

        Raises `UnavailableError` where this process cannot read the asset's key.
        """
        if self.public_url is None:
            return None
        if asset.address_key is None:
            raise UnavailableError("secrets", "the key of an address cannot be read")
        expires = self.clock.now() // 1000 + valid_s
        return self.public_url.rstrip("/") + content_path(asset.address_key, asset.media_id, expires)
