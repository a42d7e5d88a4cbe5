"""JSON schemas of a person's word about UNKNOWN messages."""

from collections.abc import Sequence

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.resolution import Resolution
from wework_message.domain.message_filter import FILTERS, Filter
from wework_message.entrypoints.rest.rule_schemas import Schema
from wework_message.entrypoints.rest.schema_forms import present, ruled
from wework_message.entrypoints.wire.requests.resolutions import AS_OF, MAX_TEXT, TEXTS


def resolution_schema() -> Schema:
    """Of one message."""
    return _object(_word(), ["outcome"])


def _word() -> Schema:
    texts: Schema = {
        name: {"type": ["string", "null"], "minLength": 1, "maxLength": length} for name, length in TEXTS.items()
    }
    return {"outcome": {"enum": [outcome.value for outcome in Resolution]}} | texts


def bulk_resolution_schema() -> Schema:
    """Of many: the filters of the list, at least one of them; a null is an absent one."""
    instant: Schema = {"type": ["string", "null"], "format": "date-time"}
    flags: Schema = {"dryRun": {"type": ["boolean", "null"], "default": False}, AS_OF: instant}
    filters = {message_filter.query_name: _filter(message_filter, instant) for message_filter in FILTERS.values()}
    shape = _object(_word() | flags | filters, ["outcome"])
    return ruled(shape, {"anyOf": [present(name) for name in filters]})


def _filter(message_filter: Filter, instant: Schema) -> Schema:
    if message_filter.is_instant:
        return instant
    if message_filter.choices is None:
        return {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_TEXT}
    choices = [MessageStatus.UNKNOWN] if message_filter.choices is MessageStatus else message_filter.choices
    return {"anyOf": [{"enum": [choice.value for choice in choices]}, {"type": "null"}]}


def _object(properties: Schema, required: Sequence[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
