"""The JSON schema of a request for an erasure."""

from typing import Final

from wework_message.domain.erasure import MAX_NOTE, MIN_NAME
from wework_message.entrypoints.rest.rule_schemas import Schema

ERASURE_SCHEMA: Final[Schema] = {
    "type": "object",
    "properties": {
        "conversationId": {"type": "string", "pattern": f"^(?:[RS]:)?[0-9]{{{MIN_NAME},32}}$"},
        "dryRun": {"type": ["boolean", "null"], "default": False},
        "note": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_NOTE},
    },
    "required": ["conversationId"],
    "additionalProperties": False,
}
"""Whose data, and why."""
