"""Erasures: whom they are about, and how they go through what is stored."""

from collections import Counter
from typing import Any

import pytest
from tests.support.builders.messages import (
    DAY_MS,
    HORIZON_MS,
    NOW,
    a_due_message,
    a_message,
    a_receipt,
    a_stream_record,
    an_attempt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.erasure import (
    MAX_RECHECK_MS,
    PARTS,
    RECHECK_MS,
    ErasedRows,
    Erasure,
    ErasureState,
    Part,
    Subject,
    is_evidence,
)
from wework_message.domain.errors import ContentErasedError, IllegalTransitionError, InvalidValueError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.ids import DEFAULT_TENANT, ErasureId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.erasing import erase_conversation
from wework_message.domain.message.fitting import Expected
from wework_message.domain.message.message import Message
from wework_message.domain.message.on_unknown import apply_policy
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.scheduling import Due, LanePosition
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.ports.repositories import ERASED_FINGERPRINT, IdempotencyKey, KeyOwner
from wework_message.domain.retry import GiveUp, RetryAt, Verdict
from wework_message.domain.stream import LOOKED_BACK_MS

PERSON = "S:7881300000000001"


def an_erasure(**changes: Any) -> Erasure:
    fields: dict[str, Any] = {
        "id": ErasureId("e"), "tenant_id": DEFAULT_TENANT, "subject": Subject(PERSON), "dry_run": False, "note": None,
        "created_at": NOW,
    }  # fmt: skip
    return Erasure(**fields | changes)


def go_through(erasure: Erasure, *, left: int = 0, now: int = NOW) -> None:
    """One round in which each part has one step."""
    for part in PARTS:
        assert erasure.part is part
        erasure.advance(ErasedRows(1, left if part is Part.MESSAGES else 0, None), now=now)


@pytest.mark.parametrize(
    ("conversation", "problem"),
    [
        ("S:7881300000000001;asid", "without a session"),
        ("S:12345", "at least 6"),
        ("R:12345", "at least 6"),
        ("12345", "at least 6"),
    ],
)
def test_a_subject_is_one_person_or_room_that_can_be_found(conversation: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as raised:
        Subject.of(conversation)
    assert raised.value.path == "conversationId"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"sender":"7881300000000001"}', True),
        ('{"sender":7881300000000001}', True),
        ('{"content":"call\\n7881300000000001"}', True),
        ("S:7881300000000001;asid", True),
        ("7881300000000001", True),
        ("78813000000000012 7881300000000001", True),
        ("78813000000000012", False),
        ("17881300000000001", False),
        ("", False),
    ],
)
def test_a_subject_is_named_by_its_whole_number(text: str, named: bool) -> None:
    assert Subject(PERSON).is_named_in(text) is named


def test_a_subject_covers_the_sessions_of_the_person() -> None:
    subject = Subject(PERSON)
    assert subject.covers(PERSON)
    assert subject.covers(f"{PERSON};asid")
    assert not subject.covers(f"{PERSON}0")
    first, end = subject.sessions
    assert first < f"{PERSON};!" <= f"{PERSON};~" < end
    assert not first < f"{PERSON}0" < end
    assert Subject.of(PERSON) == subject
    assert Subject("other-protocol").name == "other-protocol"


def test_an_erasure_goes_part_by_part_and_is_done_where_everything_rests() -> None:
    erasure = an_erasure()
    erasure.advance(ErasedRows(2, 0, "position"), now=NOW + 1)
    step = erasure.step(now=NOW)
    assert (step.part, step.after, step.until, step.subject) == (Part.MESSAGES, "position", "e", Subject(PERSON))
    go_through(erasure, now=NOW + 2)
    assert erasure.done
    assert (erasure.state, erasure.finished_at) == (ErasureState.DONE, NOW + 2)
    assert (erasure.subject, erasure.position) == (None, "")
    assert erasure.erased == Counter(dict.fromkeys(PARTS, 1)) + Counter({Part.MESSAGES: 2})
    with pytest.raises(ValueError, match="no next step"):
        erasure.step(now=NOW)


def test_it_waits_for_what_does_not_rest_and_then_goes_through_everything_once_more() -> None:
    erasure = an_erasure()
    go_through(erasure, left=3, now=NOW)
    assert (erasure.state, erasure.left, erasure.next_at) == (ErasureState.WAITING, 3, NOW + RECHECK_MS)
    erasure.advance(ErasedRows(1, 2, None), now=NOW + RECHECK_MS)
    assert (erasure.state, erasure.left, erasure.part) == (ErasureState.WAITING, 2, Part.MESSAGES)
    assert erasure.next_at == NOW + 2 * RECHECK_MS
    erasure.advance(ErasedRows(1, 0, "more"), now=NOW)
    assert erasure.state is ErasureState.RUNNING
    assert erasure.left == 0
    go_through(erasure)
    assert erasure.done


def test_callbacks_that_are_not_applied_yet_hold_it_up_too() -> None:
    erasure = an_erasure()
    for part in PARTS:
        erasure.advance(ErasedRows(0, int(part is Part.CALLBACKS), None), now=NOW)
    assert erasure.state is ErasureState.WAITING
    go_through(erasure)
    assert erasure.done


def test_it_looks_for_messages_every_minute_and_for_callbacks_more_and_more_rarely() -> None:
    erasure, waits = an_erasure(), []
    for _ in range(62):
        for part in PARTS:
            erasure.advance(ErasedRows(0, int(part is Part.CALLBACKS), None), now=NOW)
        waits.append(erasure.wait_ms(NOW))
    assert waits == [number * RECHECK_MS for number in range(1, 61)] + [MAX_RECHECK_MS] * 2
    erasure.advance(ErasedRows(0, 1, None), now=NOW)
    assert erasure.wait_ms(NOW) == RECHECK_MS


def test_a_dry_run_goes_through_once() -> None:
    erasure = an_erasure(dry_run=True)
    go_through(erasure, left=3)
    assert erasure.done
    assert erasure.left == 3


def test_a_clock_that_was_set_back_delays_it_by_no_more_than_a_wait() -> None:
    erasure = an_erasure(next_at=NOW)
    assert erasure.wait_ms(NOW) == 0
    assert erasure.wait_ms(NOW - 1) == 1
    assert erasure.wait_ms(NOW - MAX_RECHECK_MS) == MAX_RECHECK_MS
    assert erasure.wait_ms(NOW - MAX_RECHECK_MS - 1) == 0
    erasure.put_off(now=NOW)
    assert erasure.wait_ms(NOW) == RECHECK_MS


def test_only_callbacks_that_had_come_when_it_was_asked_for_hold_it_up() -> None:
    step = an_erasure().step(now=NOW)
    assert step.holds_up(NOW)
    assert not step.holds_up(NOW + 1)


def test_a_callback_is_evidence_as_long_as_its_instance_awaits_some() -> None:
    """Without it, a message of which nobody knows whether it was sent would be sent again."""
    unmatched = set(InboxState) - {InboxState.PENDING, InboxState.APPLIED}
    for state in unmatched:
        assert not is_evidence(state, NOW, None)
        assert is_evidence(state, NOW, NOW + LOOKED_BACK_MS)
        assert not is_evidence(state, NOW, NOW + LOOKED_BACK_MS + 1)
    assert is_evidence(InboxState.PENDING, NOW, None)
    assert not is_evidence(InboxState.APPLIED, NOW, NOW)


def a_message_that_was_delivered_and_erased() -> Message:
    """Its first call was in no stream, and its second one is uncertain; then an echo of the first came."""
    message = a_due_message(on_unknown=OnUnknown.RESEND, duplicate_safe=True)
    begin_call(message)
    absent = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.ABSENT, confirmed=False)
    settle(message, absent, verdict=RetryAt(1))
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.UNCERTAIN))
    learn(message, FactKind.ECHO)
    assert message.status is MessageStatus.DELIVERED
    erase_conversation(message)
    return message


def learn(message: Message, kind: FactKind) -> None:
    note = Note(kind, NOW, attempt=1, event_key="a-hash", source="callback")
    message.learn(1, kind, horizon_ms=HORIZON_MS, now=NOW, note=note)


def test_an_erased_message_that_is_unknown_again_is_held_whatever_its_policy() -> None:
    message = a_message_that_was_delivered_and_erased()
    learn(message, FactKind.SEND_FAIL)
    assert message.status is MessageStatus.UNKNOWN
    for now in (NOW + lane_block_ms(HORIZON_MS), NOW + 10 * DAY_MS):
        apply_policy(message, horizon_ms=HORIZON_MS, fail_after_ms=1, now=now)
        assert message.status is MessageStatus.UNKNOWN
        assert message.due == Due(DAY_MS, LanePosition.FREE)


@pytest.mark.parametrize(
    ("kind", "verdict", "reason"),
    [
        (OutcomeClass.NOT_SENT, RetryAt(1), FailureReason.SEND_FAILED_LATER),
        (OutcomeClass.REFUSED_PERMANENT, GiveUp(FailureReason.REFUSED_PERMANENT), FailureReason.REFUSED_PERMANENT),
    ],
)
def test_an_erased_message_that_was_not_sent_after_all_ends_failed(
    kind: OutcomeClass, verdict: Verdict, reason: FailureReason
) -> None:
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.UNCERTAIN))
    message.replay(force=True, by="a person", now=NOW)
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.UNCERTAIN))
    learn(message, FactKind.ECHO)
    erase_conversation(message)
    learn(message, FactKind.SEND_FAIL)
    assert message.status is MessageStatus.UNKNOWN
    settle(message, an_outcome(kind), verdict=verdict)
    assert (message.status, message.reason) == (MessageStatus.FAILED, reason)


def test_what_comes_late_brings_nothing_back() -> None:
    message = a_message_that_was_delivered_and_erased()
    message.written()
    answer = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711", content="aGVsbG8="), error_message="hello")
    settle(message, answer)
    learn(message, FactKind.REVOKED)
    outcome = message.attempts.numbered(2).outcome
    assert outcome is not None
    assert outcome.receipt is not None
    assert (outcome.receipt.provider_message_id, outcome.receipt.details, outcome.error_message) == ("4711", {}, None)
    assert [(note.kind, note.event_key) for note in message.notes] == [(FactKind.REVOKED, None)]


def test_an_erased_message_cannot_be_recalled_or_sent() -> None:
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")))
    erase_conversation(message)
    assert message.conversation_id == ERASED_CONVERSATION
    assert message.is_erased
    with pytest.raises(ContentErasedError):
        message.ask_recall(now=NOW)
    assert message.status is MessageStatus.SENT


def test_what_somebody_still_needs_is_not_erased() -> None:
    waiting_for_recall = a_message(status=MessageStatus.SENT)
    waiting_for_recall.recall.wait()
    for message in (a_message(status=MessageStatus.UNKNOWN), waiting_for_recall):
        with pytest.raises(IllegalTransitionError):
            erase_conversation(message)
        assert message.conversation_id != ERASED_CONVERSATION
        assert not message.is_erased


def test_a_record_fits_an_erased_message_whatever_its_conversation() -> None:
    """It is not quarantined, where it would be kept for people."""
    expected = Expected(an_attempt(ended_at=NOW), ERASED_CONVERSATION, HORIZON_MS)
    assert expected.misfit(a_stream_record(), received_at=NOW) is None


def test_a_request_is_repeated_where_nobody_knows_any_more_what_it_was() -> None:
    key = IdempotencyKey(DEFAULT_TENANT, "k", b"1" * 32, "m")
    assert KeyOwner("m", ERASED_FINGERPRINT, fresh=False).repeats(key)
    assert KeyOwner("m", key.fingerprint, fresh=False).repeats(key)
    assert not KeyOwner("m", b"2" * 32, fresh=False).repeats(key)
