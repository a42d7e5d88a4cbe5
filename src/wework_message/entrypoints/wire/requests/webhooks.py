"""The bodies of requests about webhooks."""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from wework_message.domain.outbound import MAX_URL_LENGTH
from wework_message.domain.webhooks.endpoint import checked_events
from wework_message.domain.webhooks.event import SUBSCRIBABLE, EventType
from wework_message.entrypoints.wire.requests.fields import Instant

TypeName: TypeAlias = Literal[
    "message.status", "message.unknown", "message.received", "account.online", "account.offline", "webhook.disabled"
]
"""The types of `SUBSCRIBABLE`."""

DEFAULT_NAMES: Final[tuple[TypeName, ...]] = ("message.status",)


class NewWebhookRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An endpoint to create."""

    url: Annotated[str, Meta(max_length=MAX_URL_LENGTH)]
    events: Annotated[tuple[TypeName, ...], Meta(min_length=1, max_length=len(SUBSCRIBABLE))] = DEFAULT_NAMES

    def types(self) -> tuple[EventType, ...]:
        """What the endpoint is told of."""
        return checked_events(self.events)


class ChangedWebhookRequest(NewWebhookRequest, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An endpoint as it is to be from now on."""

    enabled: bool = True


class RecoverWebhookRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which failed deliveries wait anew."""

    since: Instant
