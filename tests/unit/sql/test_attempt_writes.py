"""What is left out of an update of an attempt must be what did not change."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.builders.messages import NOW, a_due_message, a_receipt, an_outcome, begin_call

from wework_message.adapters.sql.mapping.rows import SETTLED_COLUMNS, attempt_row, settled_part
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass, Reason

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "ended_at": {"ended_at": NOW + 7},
    "outcome": {"outcome": an_outcome(OutcomeClass.UNCERTAIN)},
    "reason": {"outcome": an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)},
    "error_code": {"outcome": an_outcome(OutcomeClass.UNCERTAIN, error_code=7)},
    "error_message": {"outcome": an_outcome(OutcomeClass.UNCERTAIN, error_message="no")},
    "confirmed": {"outcome": an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False)},
    "receipt": {"outcome": an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("7"))},
    "provider_message_id": {"provider_message_id": ProviderMessageId("7")},
    "app_info_key": {"app_info_key": "key"},
    "sent_at": {"sent_at": NOW},
    "unsettled": {"unsettled": False},
    "lane_open": {"lane_open": False},
}


@pytest.fixture
def message() -> Message:
    message = a_due_message()
    begin_call(message)
    return message


def test_every_column_of_a_settlement_has_a_change_here() -> None:
    assert {*CHANGES, "facts"} == set(SETTLED_COLUMNS)


@pytest.mark.parametrize("column", CHANGES)
def test_a_change_of_any_column_is_seen(column: str, message: Message) -> None:
    (before,) = message.attempts
    after: Attempt = dataclasses.replace(before, **CHANGES[column])
    assert attempt_row(message, before)[column] != attempt_row(message, after)[column]
    assert settled_part(before) != settled_part(after)
