from itertools import product
from typing import Final

import pytest

from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.lifecycle import (
    DECISIONS,
    FINAL,
    RESTING,
    WAITING,
    MessageStatus,
    Trigger,
    decide,
    old_state,
    success,
)

GOLDEN: Final = """
ACCEPTED    queue            QUEUED
ACCEPTED    claim            SENDING
ACCEPTED    hold             HELD
ACCEPTED    cancel           CANCELLED
ACCEPTED    expire           EXPIRED
ACCEPTED    fail             FAILED
SCHEDULED   queue            QUEUED
SCHEDULED   claim            SENDING
SCHEDULED   hold             HELD
SCHEDULED   cancel           CANCELLED
SCHEDULED   expire           EXPIRED
SCHEDULED   fail             FAILED
HELD        queue            QUEUED
HELD        claim            SENDING
HELD        hold             HELD
HELD        cancel           CANCELLED
HELD        expire           EXPIRED
HELD        fail             FAILED
QUEUED      queue            QUEUED
QUEUED      claim            SENDING
QUEUED      hold             HELD
QUEUED      cancel           CANCELLED
QUEUED      expire           EXPIRED
QUEUED      fail             FAILED
RETRY_WAIT  queue            QUEUED
RETRY_WAIT  claim            SENDING
RETRY_WAIT  hold             HELD
RETRY_WAIT  cancel           CANCELLED
RETRY_WAIT  expire           EXPIRED
RETRY_WAIT  fail             FAILED
SENDING     retry_later      RETRY_WAIT
SENDING     hold             HELD
SENDING     fail             FAILED
SENDING     lose             UNKNOWN
SENDING     expire           EXPIRED
UNKNOWN     forced_retry     QUEUED
UNKNOWN     give_up          FAILED
UNKNOWN     retry_later      RETRY_WAIT
UNKNOWN     hold             HELD
UNKNOWN     fail             FAILED
UNKNOWN     expire           EXPIRED
SENT        recall           RECALLING
DELIVERED   recall           RECALLING
FAILED      retry            QUEUED
FAILED      forced_retry     QUEUED
EXPIRED     retry            QUEUED
EXPIRED     forced_retry     QUEUED
"""
"""Every decision there is, written by hand: an edge that is added or lost in the code's own table is seen here."""

EDGES: Final = {
    (status, trigger.replace("_", " ")): after
    for status, trigger, after in (line.split() for line in GOLDEN.strip().splitlines())
}

STATUSES: Final = [*MessageStatus]


def test_the_table_has_the_golden_edges_and_no_other() -> None:
    table = {
        (str(status), str(trigger)): str(after) for status in DECISIONS for trigger, after in DECISIONS[status].items()
    }
    assert table == EDGES
    assert set(DECISIONS) == set(STATUSES)


@pytest.mark.parametrize(("status", "trigger"), [*product(MessageStatus, Trigger)])
def test_a_decision_follows_its_edge_or_is_refused_by_name(status: MessageStatus, trigger: Trigger) -> None:
    expected = EDGES.get((str(status), str(trigger)))
    if expected is not None:
        assert decide(status, trigger) == expected
        return
    with pytest.raises(IllegalTransitionError) as refused:
        decide(status, trigger)
    assert (refused.value.status, refused.value.trigger, refused.value.code) == (status, trigger, "ILLEGAL_STATE")


def test_unknown_is_left_by_evidence_a_person_or_a_policy_and_never_by_a_claim_or_a_cancel() -> None:
    assert {trigger for status, trigger in EDGES if status == "UNKNOWN"}.isdisjoint(
        {"claim", "queue", "retry", "cancel"}
    )


def test_a_claim_starts_only_where_a_message_waits() -> None:
    assert {status for status, trigger in EDGES if trigger == "claim"} == WAITING


def test_a_cancel_is_possible_exactly_until_the_claim() -> None:
    assert {status for status, trigger in EDGES if trigger == "cancel"} == {
        "ACCEPTED", "SCHEDULED", "HELD", "QUEUED", "RETRY_WAIT",
    }  # fmt: skip


def test_resting_and_final_statuses_are_those_of_the_wire() -> None:
    assert {"SENT", "DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED"} == RESTING
    assert {"DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED"} == FINAL


def test_old_clients_see_five_states() -> None:
    assert {str(status): old_state(status) for status in STATUSES} == {
        "ACCEPTED": "pending", "SCHEDULED": "pending", "HELD": "pending", "QUEUED": "pending", "RETRY_WAIT": "pending",
        "SENDING": "sending", "UNKNOWN": "sending",
        "SENT": "sent", "RECALLING": "sent", "RECALLED": "sent",
        "DELIVERED": "delivered",
        "FAILED": "failed", "EXPIRED": "failed", "CANCELLED": "failed",
    }  # fmt: skip


def test_success_is_set_only_where_it_is_known() -> None:
    known = {status: success(status) for status in STATUSES if success(status) is not None}
    assert known == {"SENT": True, "DELIVERED": True, "FAILED": False, "EXPIRED": False, "CANCELLED": False}
