"""The fingerprints that stores hold: an update must not turn the repetition of a request into a conflict."""

from typing import Any

import pytest
from tests.support.builders.messages import PROVIDER, a_draft

from wework_message.application.accept.fingerprint import fingerprint
from wework_message.domain.content import MentionContent
from wework_message.domain.conversation import PEERS_AND_ROOMS, Conversation
from wework_message.domain.ids import AccountId
from wework_message.domain.message.options import OnUnknown, Pin, SendOptions

EVERYTHING: dict[str, Any] = {
    "client_message_id": "k", "priority": 8, "scheduled_at": 5, "expires_at": 9, "provider_code": PROVIDER,
    "pin": Pin.BINDING, "on_unknown": OnUnknown.RESEND, "duplicate_safe": True,
    "extra": {"b": 1, "a": {"z": 1, "y": None}}, "retry_count": 0,
}  # fmt: skip

LATER: dict[str, Any] = {"campaign_id": "spring", "status_callback_url": "https://shop.example.com/cb"}
"""Options that came after fingerprints were stored."""


def test_fingerprints_are_those_of_version_0() -> None:
    mention = a_draft(
        conversation=PEERS_AND_ROOMS.parse("R:7"), content=MentionContent(content="hi", at_list=("1",)), guid=None,
        account_id=AccountId("acc"), **EVERYTHING,
    )  # fmt: skip
    assert fingerprint([a_draft()]).hex() == "e16d392f444f7300b107f78bc13913db2e8f6a738822ba3168164398a5df867b"
    assert (
        fingerprint([mention, a_draft()], mode="batch").hex()
        == "fcfd544f5fdbf6bc173f315fc213bf25ee5d2fea47943f68fd4cd4dcb44c517d"
    )


def test_kinds_of_another_protocol_are_told_apart() -> None:
    pager, radio = (Conversation(spelling, is_room=True) for spelling in ("P:night", "Q:night"))
    assert fingerprint([a_draft(conversation=pager)]) != fingerprint([a_draft(conversation=radio)])


@pytest.mark.parametrize("name", SendOptions._fields)
def test_every_option_counts(name: str) -> None:
    others = {"duplicate_safe": name == "on_unknown"}
    value = (EVERYTHING | LATER)[name]
    assert fingerprint([a_draft(**others | {name: value})]) != fingerprint([a_draft(**others)])


def test_options_that_came_later_count_by_name_and_value() -> None:
    fingerprints = {fingerprint([a_draft(campaign_id=value)]) for value in (None, "spring", "autumn")}
    assert len(fingerprints) == 3
