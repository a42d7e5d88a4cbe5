"""The result of a call of the vendor's API."""

from typing import NamedTuple

import msgspec

from wework_message.simulator.answers import Json, Record


class Delivery(NamedTuple):
    """What one recipient of a mass send got."""

    conversation_id: str
    task_id: str
    status: int
    """As `/msg/sync_group_msg_send_status` answers it."""
    records: tuple[Record, ...]
    """Its messages, the text first; none where it was left out."""


class Outcome(msgspec.Struct, frozen=True):
    """The result of a call. `record` is its record in the account's message stream, if it made one."""

    envelope: Json
    executed: bool = False
    record: Record | None = None
    retry_after_s: int | None = None
    """Seconds until the instance takes a call again; None: it was not over its limit."""
    upload: Json | None = None
    """What an upload has made, as the ledger has it."""
    deliveries: tuple[Delivery, ...] = ()
    """Of a mass send."""
