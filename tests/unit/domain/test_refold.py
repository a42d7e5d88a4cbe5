"""The evidence of a message, folded again in any order, proves its status; what was damaged shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import HORIZON_MS, NOW, a_message, an_outcome, begin_call

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.refold import (
    Difference,
    Event,
    NotedFacts,
    difference,
    events_of,
    knows,
    noted_facts,
)
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.retry import Settle


def learnt(message: Message, kind: FactKind) -> None:
    note = Note(kind, NOW, attempt=1)
    message.learn(1, kind, horizon_ms=HORIZON_MS, now=NOW, note=note)


def a_sent_message(outcome: OutcomeClass | None, *facts: FactKind) -> tuple[Message, NotedFacts]:
    message = a_message()
    begin_call(message)
    if outcome is not None:
        message.settle(1, an_outcome(outcome), Settle(), horizon_ms=HORIZON_MS, now=NOW)
    for fact in facts:
        learnt(message, fact)
    return message, noted_facts(message.notes)


def differing(message: Message, noted: NotedFacts) -> Difference | None:
    events = events_of(message, noted)
    return difference(message, noted, [events, events[::-1]])


ECHO, FAILED, REVOKED = FactKind.ECHO, FactKind.SEND_FAIL, FactKind.REVOKED
ACCEPTED, UNCERTAIN = OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN


@given(
    st.sampled_from([ACCEPTED, UNCERTAIN]), st.permutations(list(FactKind)), st.integers(0, len(FactKind)), st.data()
)
def test_no_order_proves_another_status(outcome: OutcomeClass, facts: list[FactKind], count: int, data: Any) -> None:
    message, noted = a_sent_message(outcome, *facts[:count])
    events = events_of(message, noted)
    assert difference(message, noted, [events, data.draw(st.permutations(events))]) is None


@pytest.mark.parametrize(
    ("outcome", "facts", "status"),
    [
        (ACCEPTED, (), MessageStatus.SENT),
        (ACCEPTED, (ECHO,), MessageStatus.DELIVERED),
        (ACCEPTED, (ECHO, REVOKED), MessageStatus.RECALLED),
        (ACCEPTED, (FAILED,), MessageStatus.FAILED),
        (UNCERTAIN, (), MessageStatus.UNKNOWN),
        (UNCERTAIN, (ECHO,), MessageStatus.DELIVERED),
        (None, (), MessageStatus.SENDING),
        (None, (ECHO,), MessageStatus.SENDING),
    ],
)
def test_a_status_is_what_its_evidence_proves(
    outcome: OutcomeClass | None, facts: tuple[FactKind, ...], status: MessageStatus
) -> None:
    message, noted = a_sent_message(outcome, *facts)
    assert message.status is status
    assert differing(message, noted) is None


@pytest.mark.parametrize(
    "damaged",
    [MessageStatus.FAILED, MessageStatus.SENT, MessageStatus.RECALLED, MessageStatus.UNKNOWN, MessageStatus.QUEUED],
)
def test_a_damaged_status_shows(damaged: MessageStatus) -> None:
    message, noted = a_sent_message(UNCERTAIN, ECHO)
    message.lifecycle.status = damaged
    assert differing(message, noted) is Difference.STATUS


def test_damaged_facts_show_on_either_side() -> None:
    message, noted = a_sent_message(ACCEPTED, ECHO)
    assert differing(message, {}) is Difference.FACTS
    assert differing(message, {**noted, 2: frozenset({ECHO})}) is Difference.FACTS
    message.attempts[0].facts = frozenset()
    assert differing(message, noted) is Difference.FACTS


def test_orders_that_prove_different_things_show() -> None:
    message, noted = a_sent_message(ACCEPTED, ECHO)
    assert (
        difference(message, noted, [events_of(message, noted), [*events_of(message, {}), Event(1, FAILED)]])
        is Difference.ORDER
    )


def test_a_running_recall_is_of_something_that_was_sent() -> None:
    message, noted = a_sent_message(ACCEPTED, ECHO)
    message.ask_recall(now=NOW)
    assert message.status is MessageStatus.RECALLING
    assert differing(message, noted) is None
    unsent, nothing = a_sent_message(UNCERTAIN)
    unsent.lifecycle.status = MessageStatus.RECALLING
    assert differing(unsent, nothing) is Difference.STATUS


def test_what_was_given_up_is_a_decision() -> None:
    message, noted = a_sent_message(UNCERTAIN)
    message.give_up_unknown(now=NOW)
    assert message.status is MessageStatus.FAILED
    assert differing(message, noted) is None


def test_a_retry_of_what_was_sent_is_a_decision() -> None:
    message, noted = a_sent_message(ACCEPTED, ECHO)
    message.round, message.lifecycle.status = 2, MessageStatus.QUEUED
    assert differing(message, noted) is None


def test_a_denial_while_the_call_was_open_is_left_to_a_person() -> None:
    message, noted = a_sent_message(UNCERTAIN, FactKind.NOT_SENT_BY_PERSON)
    message.lifecycle.status = MessageStatus.UNKNOWN
    assert differing(message, noted) is None
    message.lifecycle.status = MessageStatus.SENT
    assert differing(message, noted) is Difference.STATUS


def test_only_facts_of_attempts_are_in_the_journal() -> None:
    notes = [Note("HELD", NOW), Note("ECHO", NOW), Note("ECHO", NOW, attempt=1), Note("SEND_FAIL", NOW, attempt=1)]
    assert noted_facts(notes) == {1: {ECHO, FAILED}}


def test_a_record_that_was_applied_is_known() -> None:
    message, _ = a_sent_message(ACCEPTED, ECHO)
    assert knows(message, {ECHO})
    assert knows(message, ())
    assert not knows(message, {ECHO, REVOKED})
