"""The hash of a request: the same key with another fingerprint is a conflict (D-45)."""

import hashlib
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

import msgspec

from wework_message.domain.conversation import Conversation
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import SendOptions

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")

_FIRST: Final = (
    "client_message_id", "priority", "scheduled_at", "expires_at", "provider_code", "pin", "on_unknown",
    "duplicate_safe", "extra", "retry_count",
)  # fmt: skip
"""The options that every stored fingerprint has, in this order: a key must mean the same after an update."""

_first_values: Final = attrgetter(*_FIRST)

_LATER: Final = {name: default for name, default in SendOptions._field_defaults.items() if name not in _FIRST}
"""Options of later versions, with their defaults: they count where the request sets them."""

_later_values: Final = attrgetter(*_LATER)
_LATER_DEFAULTS: Final = tuple(_LATER.values())

_PeerOrRoom: Final = msgspec.defstruct("_PeerOrRoom", ("is_room", "peer", "asid"))
"""How the stored fingerprints hold a person or a room of the first protocol."""

_Asked: Final = msgspec.defstruct("_Asked", ("conversation", "content", "guid", "account_id", *_FIRST))


def fingerprint(drafts: Iterable[Draft], *, mode: str = "") -> bytes:
    """SHA-256 of the parsed request: of what it means, not of its bytes, so spacing and key order do not matter."""
    parts = [mode.encode()]
    for draft in drafts:
        options = draft.options
        conversation = _conversation(draft.conversation)
        request = _Asked(conversation, draft.content, draft.guid, draft.account_id, *_first_values(options))
        parts.append(_ENCODER.encode(request))
        if (values := _later_values(options)) != _LATER_DEFAULTS:
            later = zip(_LATER, values, _LATER_DEFAULTS, strict=True)
            parts.append(_ENCODER.encode({name: value for name, value, default in later if value != default}))
        if draft.pool is not None:
            parts.append(_ENCODER.encode({"pool": draft.pool}))
        parts.append(b"\x1e")
    return hashlib.sha256(b"".join(parts)).digest()


def _conversation(conversation: Conversation) -> object:
    kind, _, recipient = conversation.spelling.partition(":")
    if kind not in ("S", "R"):
        return conversation
    peer, _, asid = recipient.partition(";")
    return _PeerOrRoom(conversation.is_room, peer, asid or None)
