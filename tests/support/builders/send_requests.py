"""One full and valid request for each message type, MIXED included, and the required fields: all derived from the types."""

from typing import Any, Final

import msgspec

from wework_message.domain.content import CONTENTS as TYPES
from wework_message.entrypoints.wire.requests.examples import GUID, PERSON, ROOM, full_requests

__all__ = ["CONTENTS", "EXAMPLES", "GUID", "PERSON", "REQUIRED", "ROOM"]

CONTENTS: Final[dict[str, dict[str, Any]]] = {name: dict(kind.EXAMPLE) for name, kind in TYPES.items()}
"""The fields of each type next to `messageType`."""

EXAMPLES: Final[dict[str, dict[str, Any]]] = full_requests()
"""A full send request per type."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if field.required
        or field.name in (*getattr(kind, "HANDLE", ()), *getattr(kind, "READ", ()), *getattr(kind, "PREVIEW", ()))
    )
    for name, kind in TYPES.items()
} | {"MIXED": ("parts",)}
"""The fields without which a request of the type is refused."""
