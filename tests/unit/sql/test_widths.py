"""What later changes of a row write is no longer than what its insert wrote: rows do not grow (ADR 37)."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.builders.messages import a_due_message, an_outcome, begin_call, settle
from tests.unit.sql.test_receipts import FULL_ANSWER

from wework_message.adapters.guxing.receipts import read_receipt
from wework_message.adapters.sql.mapping.rows import attempt_row
from wework_message.adapters.sql.mapping.widths import (
    NO_FACTS,
    answer_room,
    facts_of,
    facts_text,
    message_id_column,
    message_id_of,
)
from wework_message.domain.content import TextContent
from wework_message.domain.ids import MessageId
from wework_message.domain.message.projection import FactKind
from wework_message.domain.outcomes import OutcomeClass


def _bytes(row: Mapping[str, Any]) -> int:
    """As InnoDB stores it, at least: NULL takes nothing, a number eight bytes at most, a text its own."""
    return sum(len(value.encode()) if isinstance(value, str) else 8 for value in row.values() if value is not None)


@pytest.mark.parametrize("text", ["hi", "你好" * 100])
def test_the_answer_fits_into_the_room_that_the_intent_keeps(text: str) -> None:
    message = a_due_message(content=TextContent(content=text))
    attempt = begin_call(message)
    intent = attempt_row(message, attempt) | {"receipt": answer_room(message)}
    answered = FULL_ANSWER | {"content": "x" * (len(text.encode()) * 4 // 3 + 16)}
    settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=read_receipt({"msg_data": answered})))
    settled = attempt_row(message, attempt)
    assert _bytes(settled) <= _bytes(intent)
    attempt.learn(FactKind.ECHO)
    assert _bytes(attempt_row(message, attempt)) == _bytes(settled)


def test_no_room_is_kept_for_the_answer_to_a_long_text() -> None:
    assert answer_room(a_due_message(content=TextContent(content="x" * 4_000))) is None


@pytest.mark.parametrize("facts", [(), [FactKind.ECHO], [FactKind.REVOKED, FactKind.ECHO], list(FactKind)])
def test_facts_come_back(facts: list[FactKind]) -> None:
    assert facts_of(facts_text(facts)) == frozenset(facts)
    assert facts_of(",".join(facts)) == frozenset(facts)  # as versions before 0008 wrote them
    assert (facts_text(facts) > NO_FACTS) is (",".join(facts) > NO_FACTS) is bool(facts)


@pytest.mark.parametrize("message_id", [None, MessageId("01960000-0000-7000-8000-000000000000")])
def test_the_message_of_a_callback_comes_back_and_has_one_width(message_id: MessageId | None) -> None:
    assert message_id_of(message_id_column(message_id)) == message_id
    assert message_id_of(message_id) == message_id  # as versions before 0008 wrote it
    assert len(message_id_column(message_id)) == 36
