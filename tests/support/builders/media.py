"""Media for tests."""

import hashlib
from typing import Any

from tests.support.builders.messages import GUID, NOW, PROVIDER, a_due_message, a_message_id

from wework_message.domain.ids import DEFAULT_TENANT, HolderToken, MediaId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaState, Seen
from wework_message.domain.media.handles import Handle, HandleKey, UploadKind
from wework_message.domain.message.message import Message
from wework_message.domain.ports.media import MediaJob, MediaUse
from wework_message.domain.ports.repositories import UnitOfWorkFactory

HOLDER = HolderToken("0123456789abcdef")
OTHER_HOLDER = HolderToken("fedcba9876543210")
URL = "https://files.example.com/picture.png?secret=1"


def some_facts(content: str = "picture", **changes: Any) -> MediaFacts:
    known: dict[str, Any] = {
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "md5": hashlib.md5(content.encode(), usedforsecurity=False).hexdigest(),
        "size": len(content),
        "seen": Seen("image/png", 640, 480),
    }
    return MediaFacts(**known | changes)


def an_asset(**changes: Any) -> MediaAsset:
    """READY, of a file."""
    known: dict[str, Any] = {
        "media_id": MediaId(a_message_id(changes.get("created_at", NOW))),
        "tenant_id": DEFAULT_TENANT,
        "state": MediaState.READY,
        "created_at": NOW,
        "address_key": bytes(range(32)),
        "file_name": "picture.png",
        "facts": some_facts(),
    }
    return MediaAsset(**known | changes)


def an_asset_of_url(url: str = URL, **changes: Any) -> MediaAsset:
    """PENDING."""
    return an_asset(state=MediaState.PENDING, facts=None, url=url, **changes)


def a_handle(**changes: Any) -> Handle:
    known: dict[str, Any] = {"file_id": "file-1", "aes_key": "key", "md5": "5" * 32, "size": 7}
    return Handle(**known | changes)


def a_handle_key(**changes: Any) -> HandleKey:
    known: dict[str, Any] = {
        "tenant_id": DEFAULT_TENANT,
        "sha256": some_facts().sha256,
        "provider_code": PROVIDER,
        "kind": UploadKind.IMAGE,
    }
    return HandleKey(**known | changes)


def an_upload(asset: MediaAsset, **changes: Any) -> MediaJob:
    known: dict[str, Any] = {
        "media_id": asset.media_id,
        "tenant_id": asset.tenant_id,
        "provider_code": PROVIDER,
        "kind": UploadKind.IMAGE,
        "guid": GUID,
        "sha256": asset.facts.sha256 if asset.facts is not None else None,
    }
    return MediaJob(**known | changes)


async def a_message_with(units: UnitOfWorkFactory, *media: MediaId, held: bool = True, **changes: Any) -> Message:
    """Stored with the use of its assets, and put on hold for them."""
    message = a_due_message(**changes)
    async with units() as unit:
        await unit.messages.add([message])
        await unit.media.use([MediaUse(message.id, media_id) for media_id in media])
        await unit.commit()
    if held:
        await hold_for_media(units, message)
    return message


async def hold_for_media(units: UnitOfWorkFactory, message: Message) -> None:
    async with units() as unit:
        stored = (await unit.messages.get([message.id]))[message.id]
        stored.hold(HoldReason.MEDIA, 60_000, now=NOW)
        await unit.messages.save([stored])
        await unit.commit()
