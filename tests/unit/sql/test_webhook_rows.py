"""Rows of webhooks that a later version of the service has written stop nothing of this one."""

from tests.support.builders.webhooks import a_delivery, an_endpoint

from wework_message.adapters.sql.mapping.secret_columns import CLEAR
from wework_message.adapters.sql.mapping.webhook_rows import delivery_of, delivery_row, endpoint_of, endpoint_row
from wework_message.domain.webhooks.endpoint import DisabledReason
from wework_message.domain.webhooks.event import EventType


def test_an_event_of_a_type_that_this_version_does_not_know_is_delivered_as_it_is() -> None:
    row = delivery_row(a_delivery()) | {"event_type": "message.edited"}
    assert delivery_row(delivery_of(row)) == row


def test_an_endpoint_that_something_unknown_has_disabled_takes_nothing() -> None:
    row = endpoint_row(an_endpoint(), CLEAR) | {
        "events": "message.status,message.edited", "enabled": False, "disabled_reason": "OVER_QUOTA",
    }  # fmt: skip
    endpoint = endpoint_of(row, CLEAR)
    assert (endpoint.events, endpoint.disabled) == ((EventType.MESSAGE_STATUS,), DisabledReason.BY_CLIENT)
