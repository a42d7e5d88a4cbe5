"""What records are stored as that no message of ours knows."""

from typing import Any

import pytest
from tests.support.builders.messages import a_stream_record

from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.message.unmatched import is_received, may_be_ours, unmatched_state, waits_for

OWN, CUSTOMER, ADMIN = "1688850000000042", "7881300000000009", "1688850000000099"


@pytest.mark.parametrize(
    ("changes", "own_user_id", "state"),
    [
        ({"sender": OWN, "marked_own": False}, OWN, InboxState.PARKED),
        ({"sender": CUSTOMER, "marked_own": True}, OWN, InboxState.ORPHAN),
        ({"sender": CUSTOMER, "marked_own": True}, None, InboxState.PARKED),
        ({"sender": OWN, "kinds": frozenset()}, OWN, InboxState.ORPHAN),
    ],
)
def test_only_messages_of_the_accounts_own_are_parked(
    changes: dict[str, Any], own_user_id: str | None, state: InboxState
) -> None:
    assert unmatched_state(a_stream_record(**changes), own_user_id) is state


def test_a_record_waits_for_the_message_that_it_changes_or_for_its_own() -> None:
    changed, own = ProviderMessageId("1"), ProviderMessageId("2")
    assert waits_for(a_stream_record(refers_to=changed, provider_message_id=own)) == changed
    assert waits_for(a_stream_record(provider_message_id=own)) == own
    assert waits_for(a_stream_record()) is None


@pytest.mark.parametrize(
    ("sender", "own_user_id", "ours"),
    [(CUSTOMER, None, True), (CUSTOMER, OWN, False), (OWN, OWN, True), (ADMIN, OWN, True), (None, OWN, True)],
)
def test_what_a_customer_says_is_not_ours_where_the_accounts_own_user_id_is_known(
    sender: str | None, own_user_id: str | None, ours: bool
) -> None:
    assert may_be_ours(a_stream_record(sender=sender), own_user_id, [ADMIN], siblings=False) is ours


def test_what_anybody_says_may_be_ours_where_an_answer_may_show_who_the_account_is_there() -> None:
    """Two instances of an account may have two user ids; the account has that of the answer that was stored last."""
    assert may_be_ours(a_stream_record(sender=CUSTOMER), OWN, [ADMIN], siblings=True)


def test_a_change_of_a_message_and_a_record_of_no_message_are_not_received() -> None:
    assert is_received(a_stream_record())
    assert not is_received(a_stream_record(refers_to=ProviderMessageId("1")))
    assert not is_received(a_stream_record(kinds=frozenset()))
