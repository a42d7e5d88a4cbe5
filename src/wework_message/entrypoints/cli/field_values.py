"""Fields of a request whose values were written as texts: on the command line, or in a table."""

from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from wework_message.domain.content import CONTENTS
from wework_message.entrypoints.wire.requests.fields import Common


def field_value(kind: str, name: str, text: str) -> Any:
    """The value of a field of this type: `text` itself where the field may be a text, else its JSON if it is JSON."""
    return value_in((Common, CONTENTS[kind]) if kind in CONTENTS else (Common,), name, text)


def value_in(structs: tuple[type[Struct], ...], name: str, text: str) -> Any:
    """The same of a field of one of `structs`."""
    for expected in _types(structs).get(name, ()):
        try:
            msgspec.convert(text, expected)
        except msgspec.ValidationError:
            continue
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


@cache
def _types(structs: tuple[type[Struct], ...]) -> dict[str, list[Any]]:
    types: dict[str, list[Any]] = {}
    for struct in structs:
        for field in msgspec.structs.fields(struct):
            types.setdefault(field.encode_name, []).append(field.type)
    return types
