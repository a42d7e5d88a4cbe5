"""A dashboard against Grafana's own schema, by the classes that Grafana generates from it (`grafana-foundation-sdk`)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()

UNITS: Final = frozenset(value for value in vars(units).values() if isinstance(value, str))
_SDK: Final = "grafana_foundation_sdk"


def objections(document: Mapping[str, Any]) -> list[str]:
    """Where the document is not what the schema has: names that it lacks (they are lost on the way), and values of other types."""
    read = Dashboard.from_json(dict(document))
    kept = json.loads(JSONEncoder().encode(read))
    return [*_lost(document, kept, ""), *_misfits(read, "")]


def _lost(before: Any, after: Any, place: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in after:
                yield from _lost(value, after[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is not in the schema"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from _lost(left, right, f"{place}[{number}]")
    elif before != after:
        yield f"{place} is {before!r} and becomes {after!r}"


def _misfits(read: object, place: str) -> Iterator[str]:
    if isinstance(read, list):
        for number, item in enumerate(read):
            yield from _misfits(item, f"{place}[{number}]")
    elif type(read).__module__.startswith(_SDK):
        hints = get_type_hints(type(read))
        for name, value in vars(read).items():
            if not _fits(value, hints.get(name, object)):
                yield f"{place}.{name} is {value!r}, and should be {hints[name]}"
            yield from _misfits(value, f"{place}.{name}")


def _fits(value: object, hint: Any) -> bool:
    kind, parts = get_origin(hint), get_args(hint)
    if kind in {Union, UnionType}:
        return any(_fits(value, part) for part in parts)
    if kind in {list, dict}:
        items = value.values() if isinstance(value, dict) else value
        return isinstance(value, kind) and isinstance(items, Iterable) and all(_fits(item, parts[-1]) for item in items)
    if kind is Literal:
        return value in parts
    return hint is Any or _is_one(value, hint)


def _is_one(value: object, kind: type) -> bool:
    if issubclass(kind, Enum):
        return value in {member.value for member in kind}
    if kind in {int, float}:
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, kind)
