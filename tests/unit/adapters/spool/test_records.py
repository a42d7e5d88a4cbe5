"""Records of the spool: torn at every byte, flipped anywhere, and no field forgotten."""

import dataclasses
from pathlib import Path
from zlib import crc32

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.spool_contract import REFUSED, an_answer
from tests.support.builders.messages import a_receipt, an_outcome

from wework_message.adapters.spool.records import _Answer, _Receipt, read_records, record
from wework_message.domain.ids import BindingId, HolderToken, MessageId
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.message.spooled import SpooledAnswer
from wework_message.domain.outcomes import OutcomeClass

ANSWERS = [
    an_answer(),
    an_answer(REFUSED),
    dataclasses.replace(an_answer(an_outcome(OutcomeClass.NOT_SENT)), holder=HolderToken("00ff00ff00ff00ff")),
]
DATA = b"".join(map(record, ANSWERS))
GOLDEN = Path(__file__).parents[3] / "golden" / "spool.txt"
OLD = GOLDEN.with_name("spool-without-holder.txt")
"""Of versions before 0019."""


def test_what_is_stored_is_read() -> None:
    records = read_records(DATA + record(ANSWERS[0]))
    assert (records.answers, records.unreadable) == (ANSWERS, 0)


def test_a_file_that_ends_at_any_byte_has_what_was_whole() -> None:
    ends = [len(b"".join(map(record, ANSWERS[:count]))) for count in range(len(ANSWERS) + 1)]
    for end in range(len(DATA) + 1):
        records = read_records(DATA[:end])
        assert (records.answers, records.unreadable) == (ANSWERS[: sum(end >= whole for whole in ends[1:])], 0)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_flipped_byte_costs_its_record_and_makes_no_other(position: int, mask: int) -> None:
    data = bytearray(DATA)
    data[position] ^= mask
    records = read_records(bytes(data))
    assert set(records.answers) <= set(ANSWERS)
    assert len(records.answers) >= len(ANSWERS) - 2  # one that is joined to the next takes it along


@given(st.binary(max_size=200))
def test_garbage_is_no_answer(data: bytes) -> None:
    assert read_records(data).answers == []


def test_a_whole_record_of_something_else_is_unreadable() -> None:
    payload = b'{"kind":"ACCEPTED"}'
    line = b"%08x %08x %b\n" % (len(payload), crc32(payload), payload)
    assert read_records(line + DATA).unreadable == 1


def test_the_stored_form() -> None:
    outcome = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711"))
    answer = SpooledAnswer(
        MessageId("m-1"), 2, BindingId("b-1"), 3, 1_750_000_000_000, outcome, 1_750_000_000_500, HolderToken("00ff00ff00ff00ff")
    )  # fmt: skip
    assert record(answer).decode() == GOLDEN.read_text()


def test_a_record_of_a_version_without_tokens_is_read() -> None:
    data = OLD.read_bytes()
    (answer,) = read_records(data).answers
    assert (answer.message_id, answer.holder) == ("m-1", None)


def test_every_field_is_stored_or_left_out_on_purpose() -> None:
    def names(kind: type[msgspec.Struct]) -> set[str]:
        return set(kind.__struct_fields__)

    receipt = {field.name for field in dataclasses.fields(Receipt)}
    outcome = {field.name for field in dataclasses.fields(AttemptOutcome)}
    answer = {field.name for field in dataclasses.fields(SpooledAnswer)}
    assert receipt - names(_Receipt) == {"details"}
    assert outcome | answer - {"outcome"} == names(_Answer) | {"error_message"}
