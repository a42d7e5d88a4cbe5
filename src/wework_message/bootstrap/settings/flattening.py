"""From names with dots and their values to the values of settings, with maps and lists put together."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final, TypeAlias

import msgspec

from wework_message.bootstrap.settings.errors import SettingsFileError
from wework_message.bootstrap.settings.nacos import SharedDocument
from wework_message.bootstrap.settings.relaxed import IMPORT, LISTS, STEERING, name_of, uniform
from wework_message.bootstrap.settings.schema import Value, leaf_of
from wework_message.bootstrap.settings.spring import setting_of

MAX_VALUES: Final = 10_000
"""Of one file or configuration, what anchors repeat counted: there are some hundred settings, and names in foreign sections."""

_READ_AS_LISTS: Final = frozenset({*STEERING, IMPORT})

Pairs: TypeAlias = list[tuple[str, Value]]
"""Names as they are written, with one value each."""


def flattened(document: object, label: str) -> Pairs:
    """The values of a parsed document: ``a.b`` for a value in a map, ``a[0]`` for one in a list.

    Spring Boot 3.2, "Mapping YAML to Properties". An empty map or list is a value of its own. Raises `SettingsFileError`
    where the document is no map, means more than `MAX_VALUES` values, or refers to itself.
    """
    if document is None:
        return []
    if not isinstance(document, dict):
        raise SettingsFileError(label, "must be a map of settings", 1)
    try:
        if _count(document, {}) > MAX_VALUES:
            raise SettingsFileError(label, f"has more than {MAX_VALUES} values")
        return list(_walk(document, ""))
    except RecursionError:
        raise SettingsFileError(label, "an anchor refers to itself") from None


def _count(item: object, known: dict[int, int]) -> int:
    """How many values there are. Each object is looked at once, however often anchors repeat it."""
    if not isinstance(item, dict | list):
        return 1
    if id(item) not in known:
        parts = item.values() if isinstance(item, dict) else item
        known[id(item)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(item)]


def _walk(item: object, name: str) -> Iterator[tuple[str, Value]]:
    if isinstance(item, dict) and item:
        for key, value in item.items():
            yield from _walk(value, f"{name}{key}" if not name or str(key).startswith("[") else f"{name}.{key}")
    elif isinstance(item, list) and item:
        for index, value in enumerate(item):
            yield from _walk(value, f"{name}[{index}]")
    else:
        yield name, item


def settings_in(pairs: Iterable[tuple[str, Value]], label: str) -> dict[str, Value]:
    """Value by key, of ours, Spring's and foreign ones, with every map and list as one value.

    Raises `SettingsFileError` for `label` where two names mean one key, or a list has a gap.
    """
    values: dict[str, Value] = {}
    entries: dict[str, dict[tuple[str, ...], Value]] = {}
    for written, value in pairs:
        name = name_of(written)
        if name.rest:
            below = entries.setdefault(name.key, {})
            if name.rest in below:
                raise SettingsFileError(label, f"key {written} stands twice")
            below[name.rest] = value
            continue
        if name.key in values:
            raise SettingsFileError(label, f"key {name.key} stands twice")
        is_value = not isinstance(value, dict | list) or leaf_of(setting_of(name.key)) is not None
        values[name.key] = value if is_value else None
    for key, below in entries.items():
        if key in values:
            raise SettingsFileError(label, f"key {key} stands twice")
        leaf = leaf_of(setting_of(key))
        is_map = not is_list(key) and (leaf is None or leaf.mapping)
        values[key] = _mapped(below) if is_map else _listed(key, below, label)
    return {key: _as_text(key, value) for key, value in values.items()}


def is_list(key: str) -> bool:
    """Whether the entries below `key` are numbered."""
    leaf = leaf_of(setting_of(key))
    return key in LISTS or setting_of(key) in LISTS or (leaf is not None and isinstance(leaf.default, tuple))


def _mapped(below: Mapping[tuple[str, ...], Value]) -> dict[str, Value]:
    """Spring Boot 3.2, "Binding Maps": a dot in the name of an entry stays."""
    return {".".join(rest): value for rest, value in below.items()}


def _listed(key: str, below: Mapping[tuple[str, ...], Value], label: str) -> list[Value]:
    items: dict[int, Value] = {}
    for (number, *rest), value in below.items():
        if not (number.isascii() and number.isdigit()):
            raise SettingsFileError(label, f"key {key} is a list: {key}[0], {key}[1]")
        if not rest:
            items[int(number)] = value
            continue
        item = items.setdefault(int(number), {})
        if isinstance(item, dict):
            item[_field(rest)] = value
    if sorted(items) != list(range(len(items))):
        raise SettingsFileError(label, f"key {key} has no [{next(n for n in range(len(items)) if n not in items)}]")
    return [items[number] for number in range(len(items))]


def _field(rest: list[str]) -> str:
    return _fields().get(uniform("".join(rest)), ".".join(rest))


@cache
def _fields() -> Mapping[str, str]:
    """Of the one kind of list that has maps in it."""
    return {uniform(field.encode_name): field.encode_name for field in msgspec.structs.fields(SharedDocument)}


def _as_text(key: str, value: Value) -> Value:
    """A list where the setting is a text with commas."""
    is_text = key not in _READ_AS_LISTS and (key in LISTS or setting_of(key) in LISTS)
    if not is_text or not isinstance(value, list) or any(isinstance(item, dict | list) for item in value):
        return value
    return ",".join("" if item is None else str(item) for item in value)
