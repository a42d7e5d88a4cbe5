"""The options of a send as columns of the message table, generated from the fields of `SendOptions`.

A field has the column of its own name, or the one in `RENAMED`; its type decides how it is written. A field without a
column or of a type that is not known here raises `TypeError` when this module is imported: no field is left out silently.
"""

import types
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from operator import attrgetter, itemgetter
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import RowMapping

from wework_message.adapters.sql.mapping.tables import message
from wework_message.domain.message.options import SendOptions

RENAMED: Final = {"provider_code": "requested_provider"}
"""Columns by fields. The table's `provider_code` is that of the newest attempt."""

FIELDS_WITHOUT_COLUMN: Final = frozenset({"expires_at"})
"""Fields that are None on a message: the message itself has an `expires_at`, which a new round moves."""

Converter = Callable[[Any], Any]

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


def converters(hint: Any) -> tuple[Converter | None, Converter | None]:
    """How a value of this type is written, and how one that is not NULL is read; None = as it is.

    Raises `TypeError` for a type that is not known here.
    """
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kind = next(kind for kind in kinds if kind is not type(None))
    kind = getattr(kind, "__supertype__", kind)
    if get_origin(kind) is Mapping:
        return _as_json, _DECODER.decode
    if kind in (str, int):
        return None, None
    if kind is bool:
        return int, bool  # SQLite's driver looks for an adapter of each bool
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = {member.value: member for member in kind}  # a tenth of the time of a call of the enumeration
        return attrgetter(
            "_value_"
        ), members.__getitem__  # a message's enums are settled: None is a mistake, and raises
    raise TypeError(f"no column is known for options of type {hint}")


def _as_json(value: object) -> str | None:
    return None if value is None else _ENCODER.encode(value).decode()


class OptionMapping:
    """Turns options into the columns of a row and back; what both need is computed once."""

    def __init__(self, options: type[Any], columns: Collection[str]) -> None:
        """`columns` of the table; raises `TypeError` for a field that has none."""
        hints = get_type_hints(options)
        self._options = options
        fields: Sequence[str] = options._fields
        self._gaps = [
            (place, options._field_defaults[name]) for place, name in enumerate(fields) if name in FIELDS_WITHOUT_COLUMN
        ]
        names = [name for name in fields if name not in FIELDS_WITHOUT_COLUMN]
        self.columns = tuple(RENAMED.get(name, name) for name in names)
        if missing := [name for name in self.columns if name not in columns]:
            raise TypeError(f"the message table has no column for the options {missing}")
        self._values = attrgetter(*names)
        self._cells = itemgetter(*self.columns)
        pairs = [converters(hints[name]) for name in names]
        self._encoders = [(column, encode) for column, (encode, _) in zip(self.columns, pairs, strict=True) if encode]
        self._decoders = [(place, decode) for place, (_, decode) in enumerate(pairs) if decode]

    def row(self, options: Any) -> dict[str, Any]:
        """The columns of these options."""
        row = dict(zip(self.columns, self._values(options), strict=True))
        for column, encode in self._encoders:
            row[column] = encode(row[column])
        return row

    def options(self, row: Mapping[str, Any] | RowMapping) -> Any:
        """The options of a row."""
        values = [*self._cells(row)]
        for place, decode in self._decoders:
            if (value := values[place]) is not None:
                values[place] = decode(value)
        for place, default in self._gaps:
            values.insert(place, default)
        return self._options(*values)


_MAPPING: Final = OptionMapping(SendOptions, frozenset(message.c.keys()))

COLUMNS: Final = _MAPPING.columns
"""The columns of the message table that hold options."""


def options_row(options: SendOptions) -> dict[str, Any]:
    """The columns of these options; raises `AttributeError` for options that are not resolved."""
    return _MAPPING.row(options)


def options_of(row: Mapping[str, Any] | RowMapping) -> SendOptions:
    """The options in a row of the message table."""
    options: SendOptions = _MAPPING.options(row)
    return options
