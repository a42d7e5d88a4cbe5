"""All types together: the union, the tables by `messageType`, and the stored form."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, get_args

import msgspec

from wework_message.domain.content.base import Checked, ContentBase
from wework_message.domain.content.cards import CardContent
from wework_message.domain.content.mass import MassContent
from wework_message.domain.content.media import MediaContent
from wework_message.domain.content.message_type import MessageType
from wework_message.domain.content.records import MergedContent, MergedItem, QuoteContent, QuotedContent
from wework_message.domain.content.texts import MentionContent, TextContent

Content: TypeAlias = (
    TextContent | MediaContent | CardContent | MentionContent | QuoteContent | MergedContent | MassContent
)


def _by_type(union: Any) -> Mapping[str, type[ContentBase]]:
    """The members of the union that a client may name, by `messageType`, in the order of `MessageType`."""
    members = {str(kind.__struct_config__.tag): kind for kind in get_args(union)}
    return MappingProxyType(
        {str(name): members[name] for name in MessageType if name in members and name is not MessageType.MASS_SEND}
    )


CONTENTS: Final = _by_type(Content)
"""`messageType` and the Struct of a message that a client may name."""
MERGED_ITEMS: Final = _by_type(MergedItem)
"""`messageType` and the Struct of an item in a record."""
QUOTABLE: Final = _by_type(QuotedContent)
"""`messageType` and the Struct of what a quote carries."""


def _objects(kind: type[msgspec.Struct]) -> dict[str, type[Checked]]:
    """JSON name and Struct of every field of `kind` that holds an object which is no content, at any depth."""
    objects: dict[str, type[Checked]] = {}
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, Checked):
            objects |= {field.encode_name: field.type, **_objects(field.type)}
    return objects


OBJECTS: Final[Mapping[str, type[Checked]]] = MappingProxyType(
    {name: struct for kind in CONTENTS.values() for name, struct in _objects(kind).items()}
)
"""JSON name and Struct of the fields that hold an object which is no content."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Content)

ERASED: Final = "null"
"""The stored form of a content that was erased."""


def encode_content(content: Content | None) -> bytes:
    """The stored form: JSON with every field present, in the order of the Struct; None = erased."""
    return _encoder.encode(content)


def decode_content(stored: bytes | str) -> Content:
    """Read the stored form of a content that is not erased; raises `msgspec.ValidationError` or `msgspec.DecodeError` if it is no content."""
    decoded: Content = _decoder.decode(stored)
    return decoded
