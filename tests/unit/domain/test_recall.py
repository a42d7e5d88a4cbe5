import pytest
from tests.support.builders.messages import (
    HORIZON_MS,
    LEASE_MS,
    NOW,
    a_due_message,
    a_receipt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.recall import MAX_WAIT_MS, TRIED_FOR_MS, RecallState
from wework_message.domain.outcomes import OutcomeClass

RETRY_MS = 2_000


def a_called_recall() -> Message:
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")))
    message.ask_recall(now=NOW)
    message.call_recall(lease_ms=LEASE_MS)
    message.written()
    return message


def answered(message: Message, kind: OutcomeClass, after_ms: int) -> None:
    message.settle_recall(an_outcome(kind), retry_ms=RETRY_MS, horizon_ms=HORIZON_MS, now=NOW + after_ms)


@pytest.mark.parametrize("kind", [OutcomeClass.NOT_SENT, OutcomeClass.THROTTLED])
@pytest.mark.parametrize(
    ("after_ms", "wait_ms"),
    [(-60_000, RETRY_MS), (0, RETRY_MS), (40_000, 10_000), (3_600_000, MAX_WAIT_MS), (TRIED_FOR_MS - 1, MAX_WAIT_MS)],
)
def test_a_recall_that_did_not_reach_the_provider_is_tried_again_more_and_more_rarely(
    kind: OutcomeClass, after_ms: int, wait_ms: int
) -> None:
    message = a_called_recall()
    answered(message, kind, after_ms)
    assert (message.status, message.recall.state) == (MessageStatus.RECALLING, RecallState.ASKED)
    assert message.due is not None
    assert (message.due.in_ms, message.notes) == (wait_ms, [])


def test_a_recall_is_not_tried_for_ever() -> None:
    message = a_called_recall()
    answered(message, OutcomeClass.NOT_SENT, TRIED_FOR_MS)
    assert (message.status, message.reason, message.recall.state) == (
        MessageStatus.SENT, "RECALL_UNCONFIRMED", RecallState.NONE,
    )  # fmt: skip
    assert [note.kind for note in message.notes] == ["RECALL_ANSWERED"]


def test_a_refused_recall_returns_to_its_former_status_with_the_reason() -> None:
    message = a_called_recall()
    answered(message, OutcomeClass.REFUSED_PERMANENT, 1)
    assert (message.status, message.reason) == (MessageStatus.SENT, "RECALL_REFUSED")
    answered(message, OutcomeClass.ACCEPTED, 2)  # a second answer to the same recall proves nothing more
    assert (message.status, message.reason) == (MessageStatus.SENT, "RECALL_REFUSED")
