"""The filters of the list of messages, as query parameters; the list has no others but `limit` and `cursor`."""

import inspect
from typing import Annotated, Any, Final

from litestar.di import Provide
from litestar.params import QueryParameter

from wework_message.domain.message_filter import FILTERS, Filter, MessageFilter
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.query_parameters import (
    INSTANT_SCHEMA,
    TEXT_SCHEMA,
    bad_parameter,
    checked_text,
    instant_parameter,
)
from wework_message.entrypoints.wire.instants import InstantRange


async def read_filters(api: ApiDependency, **texts: str | None) -> MessageFilter:
    """The filter that the query asks for; raises `RequestRejected` (422) for a value that a filter cannot have."""
    allowed = api.config.limits.at(api.config.now()).instants
    return MessageFilter(**{name: _value(FILTERS[name], text, allowed) for name, text in texts.items()})


def _value(message_filter: Filter, value: str | None, allowed: InstantRange) -> Any:
    text = checked_text(message_filter.query_name, value)
    if text is None:
        return None
    if message_filter.is_instant:
        return instant_parameter(message_filter.query_name, text, allowed)
    if message_filter.choices is None:
        return text
    if text not in tuple(message_filter.choices):
        raise bad_parameter(message_filter.query_name, message_filter.expected)
    return message_filter.choices(text)


def _schema(message_filter: Filter) -> dict[str, Any]:
    """What the document says of a filter's value."""
    if message_filter.is_instant:
        return INSTANT_SCHEMA
    if message_filter.choices is None:
        return TEXT_SCHEMA
    return {"enum": [choice.value for choice in message_filter.choices]}


def _parameter(name: str, message_filter: Filter) -> inspect.Parameter:
    documented = QueryParameter(
        name=message_filter.query_name,
        description=message_filter.description or f"Only messages with this `{message_filter.query_name}`.",
        schema_extra=_schema(message_filter),
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, documented]
    )


def _with_signature_of_the_table() -> Provide:
    """Litestar reads parameters off a signature: give `read_filters` one parameter per row of the table."""
    api = inspect.Parameter("api", inspect.Parameter.KEYWORD_ONLY, annotation=ApiDependency)
    parameters = [api, *(_parameter(name, message_filter) for name, message_filter in FILTERS.items())]
    signed: Any = read_filters
    signed.__signature__ = inspect.Signature(parameters, return_annotation=MessageFilter)
    signed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {
        "return": MessageFilter
    }
    return Provide(signed)


message_filter: Final = _with_signature_of_the_table()
"""The dependency of the list."""
