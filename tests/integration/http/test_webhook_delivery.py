"""A webhook from its event to a receiver that misbehaves: real sockets, and the schedule by the clock of the app."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.polling import until
from tests.support.providers.outbound_receiver import OutboundReceiver, ScriptedResolver, outbound_receiver

from wework_message.adapters.outbound import pinned_http, resolver
from wework_message.adapters.outbound.pinned_http import PinnedHttp
from wework_message.application.webhooks import deliver
from wework_message.application.webhooks.deliver import SLOTS, DeliverEvents
from wework_message.application.webhooks.registry import WebhookRegistry
from wework_message.domain.ids import DEFAULT_TENANT, WebhookId
from wework_message.domain.outbound import AddressPolicy, networks_of
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.webhooks.delivery import BUSY_WAIT_MS, SCHEDULE_MS, Delivery, DeliveryState
from wework_message.domain.webhooks.endpoint import MAX_ENDPOINTS
from wework_message.domain.webhooks.event import EventType

NAME: Final = "hooks.example.com"
OPENED: Final = AddressPolicy(networks_of(("127.0.0.1",)))


class Sending:
    """One process that sends webhooks over the real client."""

    def __init__(self, app: InMemoryApp, registry: WebhookRegistry, events: DeliverEvents) -> None:
        self.app = app
        self.registry = registry
        self.events = events

    async def create(self, url: str) -> WebhookId:
        return (await self.registry.create(DEFAULT_TENANT, url, (EventType.MESSAGE_STATUS,))).id

    async def attempt(self, webhook_id: WebhookId, after_ms: int = 0) -> Delivery:
        """The newest delivery after what is due now was tried."""
        self.app.clock.advance(after_ms)
        while await self.events.round():
            await self.events.settled()
        return await self.newest(webhook_id)

    async def newest(self, webhook_id: WebhookId) -> Delivery:
        reader = self.app.application.read_webhooks
        (newest,) = await reader.deliveries(DEFAULT_TENANT, webhook_id, limit=1, before=None)
        return newest

    async def is_failing(self) -> bool:
        (endpoint,) = await self.app.application.read_webhooks.endpoints()
        return endpoint.failing_since is not None


Send = Callable[..., AbstractAsyncContextManager[Sending]]


@pytest.fixture
def send() -> Send:
    @asynccontextmanager
    async def sending(
        answers: Sequence[str] = ("127.0.0.1",), policy: AddressPolicy = OPENED
    ) -> AsyncIterator[Sending]:
        http = PinnedHttp(policy, ScriptedResolver({NAME: answers}))
        async with InMemoryApp() as app:
            events = app.use_cases.deliver_events()
            events._outbound = http
            try:
                yield Sending(app, replace(app.application.webhooks, addresses=OPENED), events)
            finally:
                await events.stop(0.0)
                await http.aclose()

    return sending


def ids(receiver: OutboundReceiver) -> list[str]:
    return [received.headers["webhook-id"] for received in receiver.received]


async def test_a_redirect_is_a_failure_and_the_event_comes_again_to_the_same_place(send: Send) -> None:
    async with outbound_receiver() as inner, outbound_receiver(NAME) as receiver, send() as sending:
        receiver.answer(307)
        receiver.headers = {"location": inner.url}
        webhook_id = await sending.create(receiver.url)
        event_id = await sending.registry.test(DEFAULT_TENANT, webhook_id)
        failed = await sending.attempt(webhook_id)
        assert (failed.state, failed.outcome, failed.status) == (DeliveryState.WAITING, OutboundOutcome.REDIRECT, 307)
        assert await sending.is_failing()
        receiver.answer(200)
        assert (await sending.attempt(webhook_id, after_ms=2 * SCHEDULE_MS[0])).state is DeliveryState.DELIVERED
        assert ids(receiver) == [event_id] * 2
        assert not inner.received


async def test_a_receiver_that_takes_the_event_and_answers_too_late_gets_it_once_more(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "DEADLINE_MS", 50)  # a 200 after 29 s meets 15 s
    async with outbound_receiver(NAME) as receiver, send() as sending:
        receiver.answer(OutboundOutcome.TIMEOUT)
        webhook_id = await sending.create(receiver.url)
        event_id = await sending.registry.test(DEFAULT_TENANT, webhook_id)
        late = await sending.attempt(webhook_id)
        assert (late.state, late.outcome, late.status) == (DeliveryState.WAITING, OutboundOutcome.TIMEOUT, None)
        receiver.answer(200)
        assert (await sending.attempt(webhook_id, after_ms=BUSY_WAIT_MS - 1)).attempts == 1
        assert (await sending.attempt(webhook_id, after_ms=1)).state is DeliveryState.DELIVERED
        assert ids(receiver) == [event_id] * 2


async def test_endpoints_that_hang_slow_no_other_at_the_same_host(send: Send) -> None:
    async with outbound_receiver(NAME) as receiver, send() as sending:
        receiver.answer(OutboundOutcome.TIMEOUT)
        for path in ("/a", "/b"):
            hanging = await sending.create(receiver.url + path)
            for _ in range(SLOTS):
                await sending.registry.test(DEFAULT_TENANT, hanging)
        await sending.events.round()

        async def all_hang() -> bool:
            return len(receiver.received) == 2 * SLOTS

        await until(all_hang)
        receiver.answer(200)
        healthy = await sending.create(receiver.url + "/c")
        event_id = await sending.registry.test(DEFAULT_TENANT, healthy)
        before = len(sending.events._attempts)
        await sending.events.round()
        await asyncio.wait(sending.events._attempts, return_when=asyncio.FIRST_COMPLETED)
        assert (before, ids(receiver)[-1]) == (2 * SLOTS, event_id)
        assert (await sending.newest(healthy)).state is DeliveryState.DELIVERED


def test_as_many_endpoints_as_there_may_be_have_connections_and_lookups_of_their_own() -> None:
    assert SLOTS * MAX_ENDPOINTS <= pinned_http.MAX_CONNECTIONS
    assert MAX_ENDPOINTS <= resolver.MAX_LOOKUPS


async def test_a_name_that_leads_inside_gets_nothing(send: Send) -> None:
    async with outbound_receiver(NAME) as receiver, send(policy=AddressPolicy(())) as sending:
        webhook_id = await sending.create(receiver.url.replace("http://", "https://"))
        await sending.registry.test(DEFAULT_TENANT, webhook_id)
        blocked = await sending.attempt(webhook_id)
        assert (blocked.state, blocked.outcome, blocked.status) == (
            DeliveryState.WAITING,
            OutboundOutcome.BLOCKED,
            None,
        )
        assert await sending.is_failing()
        assert receiver.connections == 0


async def test_a_name_that_moves_inside_after_the_check_gets_nothing_more(send: Send) -> None:
    async with outbound_receiver(NAME) as receiver, send(["127.0.0.1", "10.0.0.9"]) as sending:
        webhook_id = await sending.create(receiver.url)
        for outcome in (OutboundOutcome.DELIVERED, OutboundOutcome.BLOCKED):
            await sending.registry.test(DEFAULT_TENANT, webhook_id)
            assert (await sending.attempt(webhook_id)).outcome is outcome
        assert (len(receiver.received), receiver.connections) == (1, 1)
