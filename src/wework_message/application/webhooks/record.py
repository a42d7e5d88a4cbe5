"""The last step of every transaction: what clients are to be told of it is stored with it (ADR 56)."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from wework_message.application.commit.scope import CommitScope
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.domain.ids import EventId, MessageId, WebhookId
from wework_message.domain.instants import utc_text
from wework_message.domain.message.message import Message
from wework_message.domain.ports.system import Clock, IdGenerator
from wework_message.domain.webhooks.delivery import Delivery
from wework_message.domain.webhooks.endpoint import Endpoint, of_origin
from wework_message.domain.webhooks.event import Event, status_changed, status_events

_encode: Final = msgspec.json.Encoder().encode


class RecordEvents:
    """Records a delivery for each event and each endpoint that takes it; without such an endpoint it does nothing."""

    def __init__(self, directory: EndpointDirectory, ids: IdGenerator, clock: Clock) -> None:
        """`ids` names the events that have no id of their own."""
        self._directory = directory
        self._ids = ids
        self._clock = clock

    async def __call__(self, scope: CommitScope, /) -> None:
        """Before the commit: what it raises rolls the transaction back."""
        if self._directory.nobody_listens or not (scope.moved or scope.delivered or scope.events):
            return
        endpoints = await self._directory.within(scope.unit)
        if not any(endpoint.records for endpoint in endpoints):
            return
        events = [*scope.events, *[event for message in await _changed(scope) for event in status_events(message)]]
        deliveries = [delivery for event in events for delivery in self._deliveries(event, endpoints)]
        if deliveries:
            await scope.unit.webhooks.record(deliveries)
            scope.webhooks = True

    def _deliveries(self, event: Event, endpoints: Sequence[Endpoint]) -> Sequence[Delivery]:
        targets = {endpoint.id: (endpoint, url) for endpoint, url in _targets(event, endpoints)}
        if not targets:
            return ()
        event_id, body, now = event.id or self._ids.event_id(), body_of(event), self._clock.now()
        deliveries = [
            (endpoint, delivery_of(event, event_id, endpoint.id, body, now=now, callback_url=url))
            for endpoint, url in targets.values()
        ]
        return [delivery if endpoint.enabled else delivery.withheld(now) for endpoint, delivery in deliveries]


def _targets(event: Event, endpoints: Sequence[Endpoint]) -> Iterator[tuple[Endpoint, str | None]]:
    """The endpoints that are told, and where else than at their URL."""
    of_tenant = [endpoint for endpoint in endpoints if endpoint.tenant_id == event.tenant_id]
    for endpoint in of_tenant:
        if endpoint.takes(event.type) and endpoint.id != event.about:
            yield endpoint, None
    url = event.callback_url
    if url is not None and (owner := of_origin(of_tenant, url, disabled=True)) is not None:
        yield owner, url


async def _changed(scope: CommitScope) -> Sequence[Message]:
    """The messages whose status this transaction changes, as they are after it, in the order of their first change."""
    changed: dict[MessageId, Message] = {}
    for message in scope.moved:
        if status_changed(message) is not None:
            changed[message.id] = message
    if scope.delivered:
        delivered = await scope.unit.messages.get([message.id for message in scope.delivered])
        changed |= delivered
    return [*changed.values()]


def body_of(event: Event) -> str:
    """What is signed and sent."""
    return _encode({"type": event.type.value, "timestamp": utc_text(event.at), "data": event.data}).decode()


def delivery_of(
    event: Event, event_id: EventId, webhook_id: WebhookId, body: str, *, now: int, callback_url: str | None = None
) -> Delivery:
    """A delivery of `event` that is due `now`."""
    return Delivery(
        endpoint_id=webhook_id,
        event_id=event_id,
        tenant_id=event.tenant_id,
        type=event.type,
        message_id=event.message_id,
        sequence=event.sequence,
        body=body,
        created_at=now,
        due_at=now,
        callback_url=callback_url,
        trace=event.trace,
    )
