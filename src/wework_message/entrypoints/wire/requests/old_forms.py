"""Requests as the Java service's clients write them, put into today's form before they are read (ADR 84).

Nothing is refused here: what is left as it is meets the same checks as all others, and a refusal names it. Only what the usual
way (`one_pass`) does not read comes here.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from msgspec import UNSET, Struct

from wework_message.domain.content import CONTENTS, MERGED_ITEMS, OBJECTS, QUOTABLE, LinkContent, MessageType, rules_of
from wework_message.domain.content.files import MEDIA_NAMES
from wework_message.domain.content.mass import MassImage
from wework_message.domain.content.rules import Between
from wework_message.entrypoints.wire.requests.fields import COMMON_NAMES, KNOWN_NAMES, NESTED_NAMES, Common
from wework_message.entrypoints.wire.requests.java_batch import CONTENT_LISTS, IMAGE_LIST, RECIPIENT_LISTS
from wework_message.entrypoints.wire.requests.java_batch import NAMES as RECIPIENT_NAMES
from wework_message.entrypoints.wire.requests.mass_send import CONFIRMATION
from wework_message.entrypoints.wire.requests.old_values import Compat, read_as, text, texts, types_of

TELLING: Final = NESTED_NAMES | {*MEDIA_NAMES, "parts"}
"""Fields that say what to send. Beside another type they are no leftovers of a DTO: who means what is not clear."""

_EMPTY: Final[tuple[object, ...]] = ("", [], {}, None)
_BATCH_NAMES: Final = frozenset({"messages", "atomic", "mode", CONFIRMATION, *RECIPIENT_NAMES})


def message(raw: Mapping[str, Any], compat: Compat) -> dict[str, Any]:
    """One message of today's form."""
    common = _common({name: value for name, value in raw.items() if name in COMMON_NAMES}, compat)
    own = {name: value for name, value in raw.items() if name not in COMMON_NAMES}
    if own.get("messageType") != MessageType.MIXED:
        content: dict[str, Any] = _content(own, CONTENTS, compat)
        return common | content
    own = {name: value for name, value in own.items() if not _is_left_out(name, value, compat) or name == "parts"}
    if isinstance(own.get("parts"), list):
        own["parts"] = [_content(part, CONTENTS, compat) for part in own["parts"]]
    return common | own


def batch(raw: Mapping[str, Any], compat: Compat) -> dict[str, Any]:
    """A batch in either shape, but for the messages in it, which are read each for itself."""
    common = _common({name: value for name, value in raw.items() if name in COMMON_NAMES}, compat)
    own: dict[str, Any] = {}
    for name, value in raw.items():
        if name in CONTENT_LISTS and isinstance(value, list):
            own[name] = [_entry(name, entry, compat) for entry in value]
        elif name in RECIPIENT_LISTS and compat.lenient:
            own[name] = texts(value)
        elif name == "content" and compat.lenient:
            own[name] = text(value)
        elif name == "atomic":
            own[name] = read_as(bool, value, compat)
        elif name not in COMMON_NAMES and not (compat.lenient and _is_unknown(name, _BATCH_NAMES)):
            own[name] = value
    return common | {name: value for name, value in own.items() if value is not UNSET}


def fields_of(raw: Mapping[str, Any], kind: type[Struct], compat: Compat) -> dict[str, Any]:
    """The body of a request that the Java service did not have: its instants may be local times, and nothing else is another."""
    return _fields(raw, kind, Compat(compat.zone))


def _common(raw: Mapping[str, Any], compat: Compat) -> dict[str, Any]:
    """Of a text, an empty one says that there is none."""
    fields = _fields(raw, Common, compat)
    return {name: value for name, value in fields.items() if not (compat.lenient and value == "")}


def _content(raw: Any, kinds: Mapping[str, type[Struct]], compat: Compat) -> Any:
    if not isinstance(raw, dict):
        return raw
    tag = raw.get("messageType")
    kind = kinds.get(tag) if isinstance(tag, str) else None
    return raw if kind is None else _object(raw, kind, compat)


def _object(raw: Mapping[str, Any], kind: type[Struct], compat: Compat) -> dict[str, Any]:
    types = types_of(kind)
    kept = {name: value for name, value in raw.items() if name in types or not _is_left_out(name, value, compat)}
    fields = _fields(kept, kind, compat)
    if compat.lenient:
        fields = {name: value for name, value in fields.items() if value != 0 or name not in _positive(kind)}
    if compat.lenient and issubclass(kind, LinkContent):
        _entitle(fields, "linkTitle", "linkUrl")
    return fields


@cache
def _positive(kind: type[Struct]) -> frozenset[str]:
    """Fields whose 0 is that of a Java `int` which nobody set: no picture has it."""
    rules = rules_of(kind).items()
    return frozenset(name for name, rule in rules if isinstance(rule, Between) and rule.minimum > 0)


def _fields(raw: Mapping[str, Any], kind: type[Struct], compat: Compat) -> dict[str, Any]:
    types = types_of(kind)
    read = {name: _field(name, value, types.get(name), compat) for name, value in raw.items()}
    return {name: value for name, value in read.items() if value is not UNSET}


def _field(name: str, value: Any, kind: Any, compat: Compat) -> Any:
    if name == "messages" and isinstance(value, list):
        return [_content(item, MERGED_ITEMS, compat) for item in value]
    if name == "quoteMessage":
        return _content(value, QUOTABLE, compat)
    if name in OBJECTS and isinstance(value, dict):
        return _object(value, OBJECTS[name], compat)
    return value if name == "messageType" else read_as(kind, value, compat)


def _is_left_out(name: str, value: Any, compat: Compat) -> bool:
    """Whether a field that a type does not have says nothing: nobody knows it, or a DTO of all types has it."""
    if not compat.lenient or name == "messageType" or name in COMMON_NAMES:
        return False
    if name in KNOWN_NAMES:
        return name not in TELLING or value in _EMPTY
    return _is_unknown(name, ())


def _entry(list_name: str, entry: Any, compat: Compat) -> Any:
    """An entry of a list of contents, whose names are the Java service's."""
    if not isinstance(entry, dict):
        return entry
    types = _types_of_entry(list_name)
    fields = {
        name: read_as(types.get(name), value, compat)
        for name, value in entry.items()
        if name in types or not (compat.lenient and _is_unknown(name, types))
    }
    if compat.lenient and list_name == "linkMsgList":
        _entitle(fields, "title", "url")
    return {name: value for name, value in fields.items() if value is not UNSET}


@cache
def _types_of_entry(list_name: str) -> Mapping[str, Any]:
    tag, names = CONTENT_LISTS[list_name]
    types = {java_name: types_of(CONTENTS[tag])[name] for java_name, name in names.items()}
    return {**types_of(MassImage), **types} if list_name == IMAGE_LIST else types


def _entitle(fields: dict[str, Any], title: str, url: str) -> None:
    """A link without title has its address as title, which is what people see of an address."""
    if fields.get(title) in _EMPTY and isinstance(fields.get(url), str):
        fields[title] = fields[url]


def _is_unknown(name: str, others: Iterable[str]) -> bool:
    """Whether no field has this name, nor one that differs in case and dashes only: that is misspelt."""
    return _plain(name) not in _PLAIN_NAMES and _plain(name) not in {_plain(other) for other in others}


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_PLAIN_NAMES: Final = frozenset(map(_plain, KNOWN_NAMES))
