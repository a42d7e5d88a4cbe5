"""One value as the Java service's clients write it, put into the type that its field has (ADR 84).

Jackson and fastjson2 read ``"5"`` as 5 and 5 as ``"5"``, and some clients write them so. What has no such meaning is left as it is:
the checks that follow refuse it by name.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from functools import cache
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from msgspec import UNSET, Struct, structs

from wework_message.entrypoints.wire.instants import with_zone

_INTEGER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_ZONED: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)(?:\[[\w/+-]{1,64}\])?", re.ASCII
)
"""What `toString` of an `OffsetDateTime` writes, which leaves out seconds that are 0, and that of a `ZonedDateTime`."""
_FLAGS: Final = {"true": True, "false": False}
_MAX_WHOLE: Final = 2**53


class Compat(NamedTuple):
    """How requests of the Java service's clients are read (`app.compat`)."""

    zone: tzinfo | None = None
    """Instants without zone are local times of this zone; None: there are no such instants."""
    lenient: bool = False
    """What can be meant in one way only is read so, instead of refused."""


def read_as(kind: Any, value: Any, compat: Compat) -> Any:
    """`value` for a field of this type, which is one of `types_of`; `UNSET` where it says that there is none."""
    if kind is datetime and compat.zone is not None and isinstance(value, str):
        value = with_zone(value, compat.zone)
    if not compat.lenient:
        return value
    if value == "" and kind is not str:
        return UNSET
    return _READERS[kind](value) if kind in _READERS else value


@cache
def types_of(kind: type[Struct]) -> Mapping[str, Any]:
    """JSON name and type of each field: `bool`, `int`, `float`, `str`, `datetime`, `list` of texts, or None for all others."""
    return MappingProxyType({field.encode_name: _type_of(field.type) for field in structs.fields(kind)})


def _type_of(annotation: Any) -> Any:
    members = [*_members(annotation)]
    return next((kind for kind in (bool, int, float, str, datetime, list) if kind in members), None)


def _members(annotation: Any) -> Iterator[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _members(arguments[0])
    elif origin in (Union, UnionType):
        for member in arguments:
            yield from _members(member)
    elif origin in (tuple, list) and arguments[0] is str:
        yield list
    else:
        yield annotation


def _integer(value: Any) -> Any:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_WHOLE:
        return int(value)
    return value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower(), value)
    return bool(value) if type(value) is int and value in (0, 1) else value


def _instant(value: Any) -> Any:
    match = _ZONED.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else f"{match[1]}{match[2] or ':00'}{match[3]}"


def text(value: Any) -> Any:
    """An integer as the text that it is; anything else as it is: of 1.10 nobody knows how it was written."""
    return str(value) if type(value) is int else value


def texts(value: Any) -> Any:
    """The same for each entry of a list."""
    return [text(entry) for entry in value] if isinstance(value, list) else value


_READERS: Final[Mapping[Any, Any]] = MappingProxyType(
    {int: _integer, float: _number, bool: _flag, str: text, list: texts, datetime: _instant}
)
