import dataclasses
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from tests.support.builders.messages import a_draft

from wework_message.domain.content import Content, MentionContent, QuoteContent, TextContent
from wework_message.domain.conversation import PEERS_AND_ROOMS, Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import OnUnknown
from wework_message.testing.strategies import drafts

NOW = 1_750_000_000_000
PERSON = PEERS_AND_ROOMS.parse("S:1")
ROOM = PEERS_AND_ROOMS.parse("R:1")
TEXT = TextContent(content="hi")


def draft(conversation: Conversation = PERSON, content: Content = TEXT, **fields: Any) -> Draft:
    return a_draft(conversation=conversation, content=content, **fields)


@given(drafts(now=NOW))
def test_generated_drafts_are_valid_at_their_time(draft_: Draft) -> None:
    draft_.check_at(NOW)


@pytest.mark.parametrize("field", dataclasses.fields(Draft), ids=lambda field: field.name)
def test_generated_drafts_ask_for_everything(field: dataclasses.Field[Any]) -> None:
    """A field that the strategy leaves at its default would pass every property unnoticed."""
    no_shrinking = settings(max_examples=200, phases=[Phase.generate], database=None)
    find(
        drafts(now=NOW), lambda draft_: getattr(draft_, field.name) not in (None, field.default), settings=no_shrinking
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"guid": None}, "guid"),
        ({"account_id": AccountId("a")}, "guid"),
        ({"client_message_id": ""}, "clientMessageId"),
        ({"client_message_id": "x" * 256}, "clientMessageId"),
        ({"client_message_id": "ключ"}, "clientMessageId"),
        ({"client_message_id": "a\n"}, "clientMessageId"),
        ({"campaign_id": ""}, "campaignId"),
        ({"campaign_id": "x" * 65}, "campaignId"),
        ({"campaign_id": "кампания"}, "campaignId"),
        ({"campaign_id": "a\n"}, "campaignId"),
        ({"priority": -1}, "priority"),
        ({"priority": 10}, "priority"),
        ({"retry_count": -1}, "retryCount"),
        ({"retry_count": 11}, "retryCount"),
        ({"on_unknown": OnUnknown.RESEND}, "duplicateSafe"),
        ({"scheduled_at": NOW + 5, "expires_at": NOW + 5}, "expiresAt"),
        ({"content": MentionContent(content="x", at_list=("0",))}, "conversationId"),
        ({"content": QuoteContent(content="x", quote_message_id="m", at_list=("1",))}, "atList"),
    ],
)
def test_a_draft_that_no_message_may_be_cannot_be_built(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        draft(**fields)
    assert refusal.value.path == path


@pytest.mark.parametrize(
    "fields",
    [
        {"guid": None, "account_id": AccountId("a")},
        {"client_message_id": "x" * 255},
        {"campaign_id": "x" * 64},
        {"campaign_id": " ~"},
        {"priority": 0, "retry_count": 0},
        {"priority": 9, "retry_count": 10},
        {"on_unknown": OnUnknown.RESEND, "duplicate_safe": True},
        {"scheduled_at": NOW + 5, "expires_at": NOW + 6},
        {"conversation": ROOM, "content": MentionContent(content="x", at_list=("0",))},
        {"content": QuoteContent(content="x", quote_message_id="m")},
    ],
)
def test_the_edges_of_what_is_allowed_are_allowed(fields: dict[str, Any]) -> None:
    draft(**fields)


def test_a_message_that_is_too_late_already_is_refused() -> None:
    draft(expires_at=NOW + 1).check_at(NOW)
    with pytest.raises(InvalidValueError, match="expiresAt"):
        draft(expires_at=NOW).check_at(NOW)
