"""received = accepted + duplicates + dead letters, over what the brokers say was read."""

import gzip
import zlib
from collections import Counter

import pytest

from wework_message.adapters.rocketmq.consumed_parts import ConsumedPart
from wework_message.adapters.rocketmq.part_search import StoredPart
from wework_message.adapters.sql.doctor.intake_records import IntakeRecords
from wework_message.bootstrap.intake_check import finding_of, key_of, results_of
from wework_message.domain.ports.checks import Verdict
from wework_message.entrypoints.wire.requests.body import Limits


def a_part(offset: int, queue: int = 0, message_id: str = "M") -> ConsumedPart:
    part = StoredPart(queue, offset, message_id, stored_at=0, body=b"", compressed=False, keys=())
    return ConsumedPart(f"t/b/{queue}/{offset}/{message_id}", part)


PARTS = [a_part(offset) for offset in range(10)]
KEYS = {part.part_id: f"key-{part.part.offset}" for part in PARTS}
LETTERS = {part.part_id: part.part_id for part in PARTS}


def records(keys: set[int], letters: set[int] = frozenset(), copies: int = 0) -> IntakeRecords:  # type: ignore[assignment]  # an empty set
    return IntakeRecords(
        frozenset(f"key-{number}" for number in keys), frozenset(f"t/b/0/{number}/M" for number in letters),
        Counter({"M": copies}),
    )  # fmt: skip


def test_parts_that_are_all_stored_or_dead_letters_hold_the_invariant() -> None:
    finding = finding_of(results_of(PARTS, KEYS, LETTERS, records({*range(7)}, {7, 8}, copies=1)), waiting=0)
    assert (finding.verdict, finding.text) == (
        Verdict.OK, "10 received = 7 accepted or repeated + 3 dead letters",
    )  # fmt: skip


def test_a_batch_of_which_one_was_accepted_and_one_is_a_dead_letter_breaks_it() -> None:
    finding = finding_of(results_of(PARTS, KEYS, LETTERS, records({0}, {1})), waiting=0)
    assert finding.verdict is Verdict.FAILED
    assert finding.text == (
        "8 acknowledged and neither stored nor dead letters: t/b/0/2/M, t/b/0/3/M, t/b/0/4/M and 5 more"
    )


def test_what_waits_to_be_delivered_again_is_not_lost() -> None:
    results = results_of(PARTS, KEYS, LETTERS, records({*range(8)}))
    assert finding_of(results, waiting=2).verdict is Verdict.OK
    assert finding_of(results, waiting=1).verdict is Verdict.FAILED


def test_what_another_consumer_read_before_is_left_out() -> None:
    results = results_of(PARTS, KEYS, LETTERS, records({6, 7, 8, 9}))
    assert len(results) == 4
    assert finding_of(results, waiting=0).verdict is Verdict.OK
    nothing = results_of(PARTS, KEYS, LETTERS, records(set()))
    assert finding_of(nothing, waiting=0).verdict is Verdict.SKIPPED


A_SEND = b'{"guid":"g","conversationId":"S:1","messageType":"TEXT","content":"hi","clientMessageId":"order-1"}'
PLACE = "t/b/0/0/M"


@pytest.mark.parametrize(
    ("body", "key"),
    [(zlib.compress(A_SEND), "order-1"), (gzip.compress(A_SEND), "order-1"), (b"\x04\x22\x4d\x18", "\x1frocketmq-part:" + PLACE)],
    ids=["zlib", "gzip", "LZ4"],
)  # fmt: skip
def test_a_compressed_part_is_looked_for_as_the_intake_stores_it(body: bytes, key: str) -> None:
    part = StoredPart(0, 0, "M", stored_at=1_764_000_000_000, body=body, compressed=True, keys=())
    assert key_of(ConsumedPart(PLACE, part), Limits(), unique_keys=False) == key
