"""Records of a spool file: one line for each, with its length and checksum."""

from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

import msgspec

from wework_message.domain.ids import BindingId, HolderToken, MessageId, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.message.spooled import SpooledAnswer
from wework_message.domain.outcomes import OutcomeClass, Reason

_HEAD: Final = 18
"""Length and checksum in eight hexadecimal digits, and a space after each."""


class _Receipt(msgspec.Struct, frozen=True):
    provider_message_id: str
    seq: str | None
    app_info: str | None
    app_info_key: str | None
    sent_at: int | None
    sender_id: str | None


class _Answer(msgspec.Struct, frozen=True):
    message_id: str
    attempt: int
    binding_id: str
    epoch: int
    started_at: int
    answered_at: int
    kind: OutcomeClass
    reason: str | None
    error_code: int | None
    retry_after_ms: int | None
    confirmed: bool
    receipt: _Receipt | None
    holder: str | None = None
    """Absent in files of versions before."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Answer).decode


@dataclass(slots=True)
class ReadRecords:
    """What is in a file."""

    answers: list[SpooledAnswer] = field(default_factory=list)
    """In the order in which they were kept, each once."""
    unreadable: int = 0
    """Damaged records. A torn end is none: that answer was never kept."""


def record(answer: SpooledAnswer) -> bytes:
    """The line of an answer."""
    payload = _encode(_stored(answer))
    return b"%08x %08x %b\n" % (len(payload), crc32(payload), payload)


def read_records(data: bytes) -> ReadRecords:
    """The records of a file, whatever is in it."""
    *lines, _torn = data.split(b"\n")
    answers: dict[SpooledAnswer, None] = {}
    unreadable = 0
    for line in lines:
        try:
            answers[_read(line)] = None
        except (ValueError, msgspec.MsgspecError):
            unreadable += 1
    return ReadRecords(list(answers), unreadable)


def _read(line: bytes) -> SpooledAnswer:
    payload = line[_HEAD:]
    if line[:_HEAD] != b"%08x %08x " % (len(payload), crc32(payload)):
        raise ValueError("damaged")
    return _answer(_decode(payload))


def _stored(answer: SpooledAnswer) -> _Answer:
    outcome = answer.outcome
    return _Answer(
        message_id=answer.message_id, attempt=answer.attempt, binding_id=answer.binding_id, epoch=answer.epoch,
        started_at=answer.started_at, answered_at=answer.answered_at, kind=outcome.kind, reason=outcome.reason,
        error_code=outcome.error_code, retry_after_ms=outcome.retry_after_ms, confirmed=outcome.confirmed,
        receipt=_stored_receipt(outcome.receipt) if outcome.receipt is not None else None, holder=answer.holder,
    )  # fmt: skip


def _stored_receipt(receipt: Receipt) -> _Receipt:
    values: dict[str, Any] = {name: getattr(receipt, name) for name in _Receipt.__struct_fields__}
    return _Receipt(**values)


def _answer(stored: _Answer) -> SpooledAnswer:
    receipt = None
    if stored.receipt is not None:
        values = msgspec.structs.asdict(stored.receipt)
        receipt = Receipt(ProviderMessageId(values.pop("provider_message_id")), **values)
    outcome = AttemptOutcome(
        kind=stored.kind, reason=Reason.stored(stored.reason) if stored.reason is not None else None,
        error_code=stored.error_code, retry_after_ms=stored.retry_after_ms, confirmed=stored.confirmed, receipt=receipt,
    )  # fmt: skip
    return SpooledAnswer(
        MessageId(stored.message_id), stored.attempt, BindingId(stored.binding_id), stored.epoch, stored.started_at,
        outcome, stored.answered_at, HolderToken(stored.holder) if stored.holder is not None else None,
    )  # fmt: skip
