"""What the document says of how contents name their file: by its handle, as media, or by a URL."""

from collections.abc import Mapping
from typing import Final

from wework_message.domain.content import ContentBase, WithFile
from wework_message.domain.content.files import MEDIA_NAMES, json_names
from wework_message.entrypoints.rest.rule_schemas import Schema

ABSENT: Final[Schema] = {"not": {}}
"""The schema of what must not be there."""


def ways(kind: type[ContentBase], java_names: Mapping[str, str] | None = None) -> list[Schema]:
    """The ways to name the file of this content, one of which a request takes; empty for a content without one.

    `java_names` are the names of our fields where a request has others.
    """
    if not issubclass(kind, WithFile):
        return []
    names = json_names(kind)
    shown = {name: name for name in names.values()} if java_names is None else dict(java_names)
    handle = [shown[names[attribute]] for attribute in (*kind.HANDLE, *kind.KEY) if names[attribute] in shown]
    needed = [shown[names[attribute]] for attribute in (*kind.HANDLE, *kind.READ, *kind.PREVIEW)]
    media = [shown[name] for name in MEDIA_NAMES]
    by_handle = {"required": needed, "properties": dict.fromkeys(media, ABSENT)}
    return [by_handle, *(_by(name, [*handle, *media]) for name in media)]


def _by(name: str, others: list[str]) -> Schema:
    return {"required": [name], "properties": {other: ABSENT for other in others if other != name}}
