"""The filters of the list of messages, as parameters of a query."""

from datetime import datetime
from typing import Any, Final

import msgspec

from wework_message.domain.message_filter import FILTERS, Filter, MessageFilter
from wework_message.entrypoints.rest.documented import Parameter
from wework_message.entrypoints.rest.reading import Query, bad_parameter
from wework_message.entrypoints.wire.requests.fields import epoch_ms

FILTER_NAMES: Final = frozenset(message_filter.query_name for message_filter in FILTERS.values())

_TEXT: Final = {"type": "string"}
_INSTANT: Final = {"type": "string", "format": "date-time"}

FILTER_PARAMETERS: Final = tuple(
    Parameter(
        message_filter.query_name,
        message_filter.description or f"Only messages with this `{message_filter.query_name}`.",
        _INSTANT if message_filter.is_instant else _TEXT,
    )
    for message_filter in FILTERS.values()
)
"""For the OpenAPI document."""


def read_filters(query: Query) -> MessageFilter:
    """What the query narrows the list by; raises `RequestRejected` (422) for a value that a filter cannot have."""
    return MessageFilter(**{name: _value(query, message_filter) for name, message_filter in FILTERS.items()})


def _value(query: Query, message_filter: Filter) -> Any:
    text = query.text(message_filter.query_name)
    if text is None:
        return None
    if message_filter.is_instant:
        return _instant(text, message_filter.query_name)
    if message_filter.choices is None:
        return text
    if text not in tuple(message_filter.choices):
        raise bad_parameter(message_filter.query_name, message_filter.expected)
    return message_filter.choices(text)


def _instant(text: str, name: str) -> int | None:
    try:
        # A plus that was not escaped arrives as a space; an instant has no other space before its zone.
        instant = msgspec.convert(text.replace(" ", "+"), datetime, strict=False)
    except msgspec.ValidationError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise bad_parameter(name, "must be an ISO-8601 time with zone")
    return epoch_ms(instant)
