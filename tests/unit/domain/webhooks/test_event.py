"""What clients are told of messages."""

from uuid import RFC_4122, UUID

import pytest
from tests.support.builders.messages import NOW, PROVIDER, a_message, a_stream_record

from wework_message.domain.ids import DEFAULT_TENANT, ProviderCode, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus, Trigger
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import SendOptions
from wework_message.domain.webhooks.event import (
    SUBSCRIBABLE,
    EventType,
    message_received,
    repeatable_id,
    status_changed,
    status_events,
)


def moved(*triggers: Trigger) -> Message:
    message = a_message()
    for trigger in triggers:
        message.lifecycle.decide(trigger, now=NOW + 7, reason="WHY")
    return message


@pytest.mark.parametrize(
    ("triggers", "status"),
    [
        ((), None),
        ((Trigger.CLAIM,), MessageStatus.SENDING),
        ((Trigger.HOLD, Trigger.HOLD), MessageStatus.HELD),
        ((Trigger.HOLD, Trigger.QUEUE), None),
        ((Trigger.CLAIM, Trigger.LOSE, Trigger.FORCE_REPLAY, Trigger.CLAIM), MessageStatus.SENDING),
    ],
)
def test_only_another_status_is_a_change(triggers: tuple[Trigger, ...], status: MessageStatus | None) -> None:
    assert status_changed(moved(*triggers)) == status


def test_the_event_has_the_names_and_values_of_the_api() -> None:
    message = moved(Trigger.CANCEL)
    message.version = 4
    message.options = SendOptions(
        client_message_id="order-7", extra={"shop": 3}, status_callback_url="https://w-1.example.com/cb"
    )
    (event,) = status_events(message)
    assert (event.type, event.at, event.message_id, event.sequence) == (
        EventType.MESSAGE_STATUS,
        NOW + 7,
        message.id,
        4,
    )
    assert event.callback_url == "https://w-1.example.com/cb"
    assert event.data == {
        "messageId": message.id, "clientMessageId": "order-7", "campaignId": None, "batchId": None, "status": "CANCELLED", "state": "failed",
        "final": True, "sequence": 4, "reason": "WHY", "errorCode": None, "providerCode": None, "guid": message.guid,
        "conversationId": message.conversation_id, "extra": {"shop": 3},
    }  # fmt: skip


def test_unknown_is_told_twice_and_the_second_not_to_the_callback_url() -> None:
    message = moved(Trigger.CLAIM, Trigger.LOSE)
    message.options = SendOptions(status_callback_url="https://w-1.example.com/cb")
    status, unknown = status_events(message)
    assert (status.type, unknown.type) == (EventType.MESSAGE_STATUS, EventType.MESSAGE_UNKNOWN)
    assert (status.data, unknown.callback_url, unknown.sequence) == (unknown.data, None, status.sequence)


def test_a_test_event_cannot_be_asked_for() -> None:
    assert set(EventType) - set(SUBSCRIBABLE) == {EventType.WEBHOOK_TEST}


def test_a_received_message_has_its_text_and_its_room() -> None:
    in_room = message_received(DEFAULT_TENANT, PROVIDER, a_stream_record(conversations=("R:7",), sender="c"), NOW)
    assert (in_room.data["conversationId"], in_room.data["text"]) == ("R:7", "hello")
    of_person = message_received(DEFAULT_TENANT, PROVIDER, a_stream_record(sent_at=5), NOW)
    assert (of_person.data["conversationId"], of_person.data["sentTime"]) == (None, None)
    assert of_person.data["receivedTime"] == "2025-06-15T15:06:40.000Z"


def test_the_id_of_a_received_message_is_that_of_the_message() -> None:
    record = a_stream_record(provider_message_id=ProviderMessageId("c-1"), sent_at=NOW)
    again = a_stream_record(None, provider_message_id=ProviderMessageId("c-1"), sent_at=NOW)
    event_id = message_received(DEFAULT_TENANT, PROVIDER, record, NOW).id
    assert event_id == message_received(DEFAULT_TENANT, PROVIDER, again, NOW + 5).id
    others = [
        message_received(DEFAULT_TENANT, ProviderCode("OTHER"), record, NOW).id,
        message_received(
            DEFAULT_TENANT, PROVIDER, a_stream_record(provider_message_id=ProviderMessageId("c-2"), sent_at=NOW), NOW
        ).id,
        message_received(
            DEFAULT_TENANT, PROVIDER, a_stream_record(provider_message_id="c-1", sent_at=NOW, guid="other"), NOW
        ).id,
        message_received(DEFAULT_TENANT, PROVIDER, a_stream_record(provider_message_id="c-1", sent_at=NOW + 1), NOW).id,
    ]
    assert len({event_id, *others}) == 5
    # What cannot be told apart from others by its id is an event each time.
    assert message_received(DEFAULT_TENANT, PROVIDER, a_stream_record(sent_at=NOW), NOW).id is None
    assert (
        message_received(DEFAULT_TENANT, PROVIDER, a_stream_record(provider_message_id="c-1", sent_at=None), NOW).id
        is None
    )


def test_repeatable_ids_are_uuids_that_are_ordered_by_time() -> None:
    event_ids = [UUID(repeatable_id(NOW + place // 50, "a", str(place))) for place in range(100)]
    assert {(event_id.version, event_id.variant) for event_id in event_ids} == {(7, RFC_4122)}
    assert {event_id.int >> 80 for event_id in event_ids} == {NOW, NOW + 1}
    assert len({event_id.int & (1 << 62) - 1 for event_id in event_ids}) == 100
    assert len({event_id.int >> 64 & 0xFFF for event_id in event_ids}) > 90
    assert repeatable_id(NOW, "a", "b") == "01977420-dc00-759b-a71a-e1bbcb1d31d4"
