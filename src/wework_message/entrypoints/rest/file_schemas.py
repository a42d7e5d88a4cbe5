"""What the document says of how contents name their file: by its handle, as media, or by a URL."""

from collections.abc import Mapping
from typing import Final

from wework_message.domain.content import ContentBase, WithFile
from wework_message.domain.content.files import MEDIA_NAMES, json_names
from wework_message.entrypoints.rest.rule_schemas import Schema

ABSENT: Final[Schema] = {"not": {}}
"""The schema of what must not be there."""
EMPTY: Final[Schema] = {"anyOf": [{"const": ""}, {"type": "null"}]}
"""The schema of what may be there without saying anything."""


def ways(kind: type[ContentBase], java_names: Mapping[str, str] | None = None) -> list[Schema]:
    """The ways to name the file of this content, one of which a request takes; empty for a content without one.

    `java_names` are the names of our fields where a request has others.
    """
    if not issubclass(kind, WithFile):
        return []
    names = json_names(kind)
    shown = {name: name for name in names.values()} if java_names is None else dict(java_names)
    needed = [shown[names[attribute]] for attribute in (*kind.HANDLE, *kind.READ, *kind.PREVIEW)]
    media = [shown[name] for name in MEDIA_NAMES]
    others = {shown[names[attribute]]: ABSENT for attribute in kind.HANDLE} | {
        shown[names[attribute]]: EMPTY for attribute in kind.KEY if names[attribute] in shown
    }
    by_handle = {"required": needed, "properties": dict.fromkeys(media, ABSENT)}
    return [by_handle, *(_by(name, others | dict.fromkeys(media, ABSENT)) for name in media)]


def _by(name: str, others: dict[str, Schema]) -> Schema:
    return {"required": [name], "properties": {other: schema for other, schema in others.items() if other != name}}
