"""The JSON Schema of a replay of callbacks."""

from typing import Final

from wework_message.domain.inbox import REPLAYABLE
from wework_message.entrypoints.rest.rule_schemas import Schema
from wework_message.entrypoints.wire.requests.callbacks import MAX_GUID

REPLAY_SCHEMA: Final[Schema] = {
    "type": "object",
    "properties": {
        "since": {"type": "string", "format": "date-time"},
        "guid": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_GUID},
        "state": {"anyOf": [{"enum": [state.value for state in REPLAYABLE]}, {"type": "null"}]},
        "dryRun": {"type": ["boolean", "null"]},
    },
    "required": ["since"],
    "additionalProperties": False,
}
"""What `parse_callback_replay` reads."""
