"""Names of stored parts: where the broker put them, and the producer's id of what it sent.

All parts of a producer's batch share one message id, so it names no part. A place alone names none either: a topic that
is deleted and created again starts at offset 0 again.
"""

from typing import Final

_FIELDS: Final = 8
"""Of a receipt handle, at least: start offset, pop time, invisible time, revive queue, kind, broker, queue, offset."""
_KIND_ORIGINAL: Final = "0"
"""ExtraInfoUtil.NORMAL_TOPIC; other kinds are retry topics."""


def part_id(topic: str, broker: str, queue: int | str, offset: int | str, message_id: str) -> str:
    """The name of the part of `topic` at this offset of a broker's queue."""
    return f"{topic}/{broker}/{queue}/{offset}/{message_id}"


def native_part_id(topic: str, commit_log_offset: int, message_id: str) -> str:
    """The name of the part at this offset of a broker's log. The message id tells brokers apart."""
    return f"{topic}/{commit_log_offset}/{message_id}"


def by_handle(topic: str, handle: str, message_id: str) -> tuple[str, bool]:
    """The part id of a delivery, and whether it is a copy: a retry topic has offsets of its own, and keeps no others.

    A handle of unknown form counts as a copy.
    """
    fields = handle.split(" ")
    if len(fields) < _FIELDS or not (fields[6].isdecimal() and fields[7].isdecimal()):
        return f"{topic}/{handle}/{message_id}", True
    kind, broker, queue, offset = fields[4:8]
    if kind == _KIND_ORIGINAL:
        return part_id(topic, broker, queue, offset, message_id), False
    return part_id(f"{topic}.retry", broker, queue, offset, message_id), True
