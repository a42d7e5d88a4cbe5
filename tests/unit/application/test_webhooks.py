"""Webhooks from the change of a status to the receiver: recorded with the change, in order, and no endpoint slows another."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import CONVERSATION, GUID, a_stream_record, an_outcome
from tests.support.builders.webhooks import BROKEN, GONE, TAKEN, an_endpoint

from wework_message.adapters.memory.outbound import Received
from wework_message.application.actions.change import CancelMessage
from wework_message.application.callbacks.replay import ReplayCallbacks
from wework_message.application.errors import NotFoundError, UnknownNameError
from wework_message.application.webhooks.attempts import ClaimDeliveries
from wework_message.application.webhooks.deliver import AHEAD, SLOTS, DeliverEvents
from wework_message.application.webhooks.directory import MAX_AGE_MS, REREAD_MS
from wework_message.application.webhooks.registry import TRIES
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, ProviderMessageId, TenantId, WebhookId
from wework_message.domain.inbox import InboxState
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.inbox import ReplaySelection
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundOutcome
from wework_message.domain.signatures import SignatureCheck, check_signature
from wework_message.domain.webhooks.delivery import DEADLINE_MS, LEASE_MS, MAX_ATTEMPTS, Delivery, DeliveryState
from wework_message.domain.webhooks.endpoint import FAILING_MS, MAX_ENDPOINTS, DisabledReason, Endpoint
from wework_message.domain.webhooks.event import SUBSCRIBABLE, EventType

URL = "https://shop.example.com/events"
OTHER = "https://crm.example.com/events"
STATUS = (EventType.MESSAGE_STATUS,)
HOUR_MS = 3_600_000


class Webhooks:
    """One process with webhooks."""

    def __init__(self, app: InMemoryApp) -> None:
        self.app = app
        self.registry = app.application.webhooks
        self.deliver: DeliverEvents = app.use_cases.deliver_events()

    async def create(self, url: str = URL, events: tuple[EventType, ...] = STATUS) -> Endpoint:
        return await self.registry.create(DEFAULT_TENANT, url, events)

    async def delivered(self) -> list[Received]:
        """The requests of what is due now."""
        before = len(self.app.outbound.received)
        while await self.deliver.round():
            await self.deliver.settled()
        return self.app.outbound.received[before:]

    async def deliveries(self, webhook_id: WebhookId) -> list[Delivery]:
        """Oldest first."""
        reader = self.app.application.read_webhooks
        return [*reversed(await reader.deliveries(DEFAULT_TENANT, webhook_id, limit=1_000, before=None))]

    async def endpoint(self, webhook_id: WebhookId) -> Endpoint:
        return next(
            stored for stored in await self.app.application.read_webhooks.endpoints() if stored.id == webhook_id
        )


def bodies(requests: list[Received]) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in requests]


def statuses(requests: list[Received]) -> list[str]:
    return [body["data"]["status"] for body in bodies(requests)]


async def a_sent_message(app: InMemoryApp, content: str = "hello") -> str:
    return await app.sent(an_outcome(OutcomeClass.ACCEPTED), content)


async def cancelled_messages(app: InMemoryApp, count: int) -> None:
    """One event each."""
    for place in range(count):
        message_id = await app.accept_text(f"text {place}", scheduled_at=app.clock.now() + HOUR_MS)
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))


class Hanging:
    """Answers of a receiver that hangs until it is released."""

    def __init__(self) -> None:
        self.full = asyncio.Event()
        """As many requests hang as there are slots."""
        self._requests = 0
        self._answer: asyncio.Future[OutboundAnswer] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> OutboundAnswer:
        self._requests += 1
        if self._requests == SLOTS:
            self.full.set()
        return await asyncio.shield(self._answer)

    def answer(self, answer: OutboundAnswer) -> None:
        self._answer.set_result(answer)


async def test_without_an_endpoint_nothing_is_recorded_or_asked() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await app.use_cases.endpoints().read()
        await a_sent_message(app)
        assert app.database.webhook_deliveries.committed_items() == {}
        assert await webhooks.delivered() == []


async def test_each_new_status_is_told_in_order_with_a_signature() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        message_id = await a_sent_message(app)
        requests = await webhooks.delivered()
        assert statuses(requests) == ["SENDING", "SENT"]
        data = [body["data"] for body in bodies(requests)]
        assert {item["messageId"] for item in data} == {message_id}
        assert data[0]["sequence"] < data[1]["sequence"]
        assert (data[1]["errorCode"], data[1]["guid"], data[1]["conversationId"]) == (0, GUID, CONVERSATION)
        assert len({request.headers["webhook-id"] for request in requests}) == 2
        for request in requests:
            check = check_signature(endpoint.secrets(app.clock.now()), request.headers, app.clock.now(), request.body)
            assert check is SignatureCheck.VERIFIED
        assert {request.url for request in requests} == {URL}
        assert await webhooks.delivered() == []
        assert dict(webhooks.deliver._slots) == {}


async def test_an_endpoint_whose_secret_this_process_cannot_read_gets_nothing_from_it_and_loses_nothing() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        readable = await webhooks.create(OTHER)
        stranger = an_endpoint(secret=None, url=URL)
        async with app.units() as unit:
            await unit.webhooks.put(stranger)
            await unit.commit()
        await a_sent_message(app)
        assert {request.url for request in await webhooks.delivered()} == {readable.url}
        waiting = await webhooks.deliveries(stranger.id)
        assert {(delivery.state, delivery.attempts) for delivery in waiting} == {(DeliveryState.WAITING, 0)}
        await webhooks.registry.rotate(DEFAULT_TENANT, stranger.id)
        assert statuses(await webhooks.delivered()) == ["SENDING", "SENT"]


async def test_an_echo_of_a_message_at_rest_is_told() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        message_id = (await app.message(MessageId(await a_sent_message(app)))).attempts[0].provider_message_id
        await webhooks.create()
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=message_id))
        assert statuses(await webhooks.delivered()) == ["DELIVERED"]


async def test_unknown_has_an_event_of_its_own() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await webhooks.create(events=(EventType.MESSAGE_UNKNOWN,))
        await app.sent(an_outcome(OutcomeClass.UNCERTAIN))
        (body,) = bodies(await webhooks.delivered())
        assert (body["type"], body["data"]["status"]) == ("message.unknown", "UNKNOWN")


async def test_one_event_has_one_id_at_all_endpoints_and_in_all_attempts() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await webhooks.create()
        await webhooks.create(OTHER)
        app.outbound.answers[OTHER] = BROKEN
        message_id = await app.accept_text(scheduled_at=app.clock.now() + HOUR_MS)
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        first = await webhooks.delivered()
        app.clock.advance(6_000)
        second = await webhooks.delivered()
        assert [request.url for request in second] == [OTHER]
        assert len(first) == 2
        assert len({request.headers["webhook-id"] for request in first + second}) == 1
        assert len({request.headers["webhook-timestamp"] for request in first + second}) == 2
        assert len({request.body for request in first + second}) == 1


async def test_a_later_status_waits_for_an_earlier_one_that_fails() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        app.outbound.answers[URL] = BROKEN
        await a_sent_message(app)
        assert statuses(await webhooks.delivered()) == ["SENDING"]
        await a_sent_message(app, "another")
        assert statuses(await webhooks.delivered()) == ["SENDING"]
        app.outbound.answers[URL] = TAKEN
        app.clock.advance(6_000)
        requests = await webhooks.delivered()
        told = [(body["data"]["messageId"], body["data"]["status"]) for body in bodies(requests)]
        assert sorted(status for _, status in told) == ["SENDING", "SENDING", "SENT", "SENT"]
        for message_id in {message_id for message_id, _ in told}:
            assert [status for named, status in told if named == message_id] == ["SENDING", "SENT"]
        assert {delivery.state for delivery in await webhooks.deliveries(endpoint.id)} == {DeliveryState.DELIVERED}


async def test_an_event_that_is_never_taken_fails_and_is_recovered() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        app.outbound.answers[URL] = OutboundAnswer(OutboundOutcome.BLOCKED)
        began = app.clock.now()
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        for _ in range(MAX_ATTEMPTS):
            await webhooks.delivered()
            app.clock.advance(13 * HOUR_MS)
        (delivery,) = await webhooks.deliveries(endpoint.id)
        assert (delivery.attempts, delivery.state, delivery.outcome) == (
            MAX_ATTEMPTS,
            DeliveryState.FAILED,
            OutboundOutcome.BLOCKED,
        )
        assert app.observer.webhook_counts[OutboundOutcome.BLOCKED, DeliveryState.FAILED] == 1
        app.outbound.answers.clear()
        assert await webhooks.registry.recover(DEFAULT_TENANT, endpoint.id, app.clock.now()) == (0, False)
        assert await webhooks.registry.recover(DEFAULT_TENANT, endpoint.id, began) == (1, False)
        (request,) = await webhooks.delivered()
        assert request.headers["webhook-id"] == delivery.event_id
        assert (await webhooks.endpoint(endpoint.id)).failing_since is None


async def test_410_disables_at_once_and_others_are_told() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        await webhooks.create(OTHER, events=(EventType.WEBHOOK_DISABLED,))
        app.outbound.answers[URL] = GONE
        await a_sent_message(app)
        requests = await webhooks.delivered()
        (body,) = [body for body in bodies(requests) if body["type"] == "webhook.disabled"]
        assert body["data"] == {"webhookId": endpoint.id, "disabledReason": "GONE"}
        assert (await webhooks.endpoint(endpoint.id)).disabled is DisabledReason.GONE
        # What waited when it was disabled goes out once it is enabled anew.
        app.outbound.answers.clear()
        await webhooks.registry.change(DEFAULT_TENANT, endpoint.id, URL, STATUS, enabled=True)
        app.clock.advance(LEASE_MS)
        assert statuses(await webhooks.delivered()) == ["SENT"]


async def test_five_days_of_failure_disable() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        app.outbound.answers[URL] = BROKEN
        began = app.clock.now()
        while app.clock.now() - began <= FAILING_MS:
            assert (await webhooks.endpoint(endpoint.id)).enabled
            await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
            await webhooks.delivered()
            app.clock.advance(10 * HOUR_MS)
        await webhooks.delivered()
        assert (await webhooks.endpoint(endpoint.id)).disabled is DisabledReason.FAILING


async def test_failures_that_survived_a_success_elsewhere_disable_nothing() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        app.clock.advance(1)
        await app.use_cases.endpoints().read()
        began = app.clock.now()
        async with app.units() as unit:  # another process notes a failure, of which this one does not know yet
            await unit.webhooks.put(endpoint.failed(began))
            await unit.commit()
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        assert len(await webhooks.delivered()) == 1
        assert (await webhooks.endpoint(endpoint.id)).failing_since == began
        app.outbound.answers[URL] = BROKEN
        while (failing := await webhooks.endpoint(endpoint.id)).enabled:
            assert app.clock.now() - began <= 2 * FAILING_MS + 20 * HOUR_MS
            app.clock.advance(10 * HOUR_MS)
            await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
            await webhooks.delivered()
        assert failing.disabled is DisabledReason.FAILING
        assert (failing.failing_since or 0) - began >= FAILING_MS  # of the time before nobody can say that all failed


async def test_one_dead_endpoint_slows_no_other() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        taken = {f"https://{name}.example.com/": asyncio.Semaphore(0) for name in ("a", "b")}

        def taking(url: str) -> Callable[[], Awaitable[OutboundAnswer]]:
            async def take() -> OutboundAnswer:
                taken[url].release()
                return TAKEN

            return take

        dead = await webhooks.create()
        for url in taken:
            await webhooks.create(url)
            app.outbound.answers[url] = taking(url)
        app.outbound.answers[URL] = hanging = Hanging()
        await cancelled_messages(app, events := 2 * SLOTS + AHEAD)
        loop = asyncio.create_task(webhooks.deliver.run())
        for others in taken.values():
            for _ in range(events):
                await others.acquire()
        assert sum(request.url == URL for request in app.outbound.received) == SLOTS
        hanging.answer(OutboundAnswer(OutboundOutcome.TIMEOUT))
        await webhooks.deliver.stop(1.0)
        await loop
        assert {delivery.attempts for delivery in await webhooks.deliveries(dead.id)} == {0, 1}


async def test_a_backlog_is_delivered_slots_by_slots() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        await cancelled_messages(app, events := 3 * (SLOTS + AHEAD) + 1)
        assert len(await webhooks.delivered()) == events
        assert {delivery.attempts for delivery in await webhooks.deliveries(endpoint.id)} == {1}


async def test_what_waits_for_a_slot_goes_to_the_endpoint_as_it_is_then() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        app.outbound.answers[URL] = hanging = Hanging()
        await cancelled_messages(app, SLOTS + AHEAD)
        await webhooks.deliver.round()
        await hanging.full.wait()
        await webhooks.registry.change(DEFAULT_TENANT, endpoint.id, OTHER, STATUS, enabled=True)
        hanging.answer(TAKEN)
        await webhooks.deliver.settled()
        assert [request.url for request in app.outbound.received] == [URL] * SLOTS + [OTHER] * AHEAD


async def test_what_waits_for_a_slot_of_an_endpoint_that_was_disabled_is_not_sent_before_it_is_enabled() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        app.outbound.answers[URL] = hanging = Hanging()
        await cancelled_messages(app, SLOTS + AHEAD)
        await webhooks.deliver.round()
        await hanging.full.wait()
        await webhooks.registry.change(DEFAULT_TENANT, endpoint.id, URL, STATUS, enabled=False)
        hanging.answer(TAKEN)
        await webhooks.deliver.settled()
        assert len(app.outbound.received) == SLOTS
        assert await webhooks.delivered() == []
        await webhooks.registry.change(DEFAULT_TENANT, endpoint.id, URL, STATUS, enabled=True)
        assert len(await webhooks.delivered()) == AHEAD
        assert {delivery.attempts for delivery in await webhooks.deliveries(endpoint.id)} == {1}


async def test_a_process_that_stops_gives_back_what_it_has_not_sent() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await webhooks.create()
        app.outbound.answers[URL] = hanging = Hanging()
        await cancelled_messages(app, SLOTS + AHEAD)
        await webhooks.deliver.round()
        await hanging.full.wait()
        await webhooks.deliver.stop(0.0)
        assert len(app.outbound.received) == SLOTS
        await app.restart()
        reborn, app.outbound.answers = Webhooks(app), {}
        assert len(await reborn.delivered()) == AHEAD  # before any lease has ended
        app.clock.advance(LEASE_MS)
        assert len(await reborn.delivered()) == SLOTS


async def test_a_process_that_stops_while_it_claims_gives_all_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        await cancelled_messages(app, 2)

        class StopsAfterClaims:
            async def submit(self, operation: Any, item: Any) -> Any:
                answer = await app.commits.submit(operation, item)
                if isinstance(operation, ClaimDeliveries):
                    await webhooks.deliver.stop(0.0)
                return answer

        monkeypatch.setattr(webhooks.deliver, "_commits", StopsAfterClaims())
        assert not await webhooks.deliver.round()
        await webhooks.deliver.settled()
        now = app.clock.now()
        assert [(own.attempts, own.due_at) for own in await webhooks.deliveries(endpoint.id)] == [(0, now), (0, now)]
        assert app.outbound.received == []


async def test_nothing_is_sent_in_a_lease_that_would_end_before_the_attempt() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        app.outbound.answers[URL] = hanging = Hanging()
        await cancelled_messages(app, SLOTS + AHEAD)
        await webhooks.deliver.round()
        await hanging.full.wait()
        app.clock.advance(LEASE_MS - DEADLINE_MS + 1)  # such as a database that hung
        hanging.answer(TAKEN)
        await webhooks.deliver.settled()
        assert len(app.outbound.received) == SLOTS
        assert len(await webhooks.delivered()) == AHEAD
        assert {delivery.attempts for delivery in await webhooks.deliveries(endpoint.id)} == {1}


async def test_a_process_that_dies_in_an_attempt_is_followed_by_another_after_the_lease() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        started = asyncio.Event()

        async def hang() -> OutboundAnswer:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

        app.outbound.answers[URL] = hang
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.deliver.round()
        await started.wait()
        await webhooks.deliver.stop(0.0)
        await app.restart()
        reborn, app.outbound.answers = Webhooks(app), {}
        assert await reborn.delivered() == []
        app.clock.advance(LEASE_MS)
        (request,) = await reborn.delivered()
        assert request.headers["webhook-id"] == app.outbound.received[0].headers["webhook-id"]


async def test_an_end_that_the_database_does_not_take_means_another_attempt() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()

        async def taken_while_the_database_goes_away() -> OutboundAnswer:
            app.database.away = True
            return TAKEN

        app.outbound.answers[URL] = taken_while_the_database_goes_away
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.deliver.round()
        await webhooks.deliver.settled()
        app.database.away, app.outbound.answers = False, {}
        (delivery,) = await webhooks.deliveries(endpoint.id)
        assert delivery.state is DeliveryState.WAITING
        app.clock.advance(LEASE_MS)
        await webhooks.delivered()
        assert (await webhooks.deliveries(endpoint.id))[0].state is DeliveryState.DELIVERED


async def test_a_transaction_that_fails_tells_nothing() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await webhooks.create()
        message_id = await app.accept_text(scheduled_at=app.clock.now() + HOUR_MS)
        app.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        assert await webhooks.delivered() == []
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        assert statuses(await webhooks.delivered()) == ["CANCELLED"]


async def test_an_endpoint_of_another_process_counts_within_five_seconds() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await app.use_cases.endpoints().read()
        created = an_endpoint()
        async with app.units() as unit:  # another process
            await unit.webhooks.put(created)
            await unit.commit()
        for told in (0, 1):
            message_id = await app.accept_text(scheduled_at=app.clock.now() + HOUR_MS)
            await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
            assert len(await webhooks.deliveries(created.id)) == told
            app.clock.advance(MAX_AGE_MS)  # and the loop that reads has not come to it


async def test_a_callback_url_of_a_registered_origin_takes_the_place_of_the_endpoint_s() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        callback = "https://shop.example.com/orders/7?x=1"
        for wrong in ("https://evil.example.com/", "http://shop.example.com/", "https://shop.example.com:8444/"):
            with pytest.raises(UnknownNameError) as raised:
                await app.accept_text(status_callback_url=wrong)
            assert raised.value.path == "statusCallbackUrl"
        message_id = await app.accept_text(scheduled_at=app.clock.now() + HOUR_MS, status_callback_url=callback)
        assert app.stored() == 1
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        (request,) = await webhooks.delivered()
        assert request.url == callback
        assert (
            check_signature(endpoint.secrets(app.clock.now()), request.headers, app.clock.now(), request.body)
            is SignatureCheck.VERIFIED
        )


async def test_a_gone_callback_url_disables_no_endpoint() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create(events=(EventType.MESSAGE_UNKNOWN,))
        app.outbound.answers["https://shop.example.com/gone"] = GONE
        message_id = await app.accept_text(
            scheduled_at=app.clock.now() + HOUR_MS, status_callback_url="https://shop.example.com/gone"
        )
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        assert len(await webhooks.delivered()) == 1
        assert (await webhooks.endpoint(endpoint.id)).enabled


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        (OutboundAnswer(OutboundOutcome.REFUSED, 404), False),
        (OutboundAnswer(OutboundOutcome.REDIRECT, 301), False),
        (OutboundAnswer(OutboundOutcome.CONNECT), True),
    ],
)
async def test_what_a_callback_url_answers_is_no_failure_of_its_endpoint(
    answer: OutboundAnswer, *, counts: bool
) -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create(events=(EventType.MESSAGE_UNKNOWN,))
        callback = "https://shop.example.com/misspelt"
        app.outbound.answers[callback] = answer
        message_id = await app.accept_text(scheduled_at=app.clock.now() + HOUR_MS, status_callback_url=callback)
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        await webhooks.delivered()
        assert app.observer.webhook_counts.total() == 1
        assert ((await webhooks.endpoint(endpoint.id)).failing_since is not None) == counts


async def test_what_somebody_else_writes_is_told_to_those_who_ask_for_it() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await a_sent_message(app)
        await webhooks.create(events=SUBSCRIBABLE)
        record = a_stream_record(marked_own=False, sender="customer", text="do you deliver?", conversations=("R:7",))
        await app.receive_callback(stream_record=record)
        received = [body for body in bodies(await webhooks.delivered()) if body["type"] == "message.received"]
        assert [body["data"]["text"] for body in received] == ["do you deliver?"]
        assert (received[0]["data"]["senderId"], received[0]["data"]["conversationId"]) == ("customer", "R:7")


async def test_secrets_rotate() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        rotated = await webhooks.registry.rotate(DEFAULT_TENANT, endpoint.id)
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        (request,) = await webhooks.delivered()
        now = app.clock.now()
        for secrets in (endpoint.secrets(now), rotated.secrets(now)[:1]):
            assert check_signature(secrets, request.headers, now, request.body) is SignatureCheck.VERIFIED


async def test_others_endpoints_do_not_exist() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        stranger, registry = TenantId("other"), webhooks.registry
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: registry.change(stranger, endpoint.id, OTHER, STATUS, enabled=True),
            lambda: registry.rotate(stranger, endpoint.id),
            lambda: registry.delete(stranger, endpoint.id),
            lambda: registry.test(stranger, endpoint.id),
            lambda: registry.recover(stranger, endpoint.id, 0),
            lambda: registry.delete(DEFAULT_TENANT, WebhookId("none")),
        ]
        for call in calls:
            with pytest.raises(NotFoundError):
                await call()
        assert (await webhooks.endpoint(endpoint.id)).url == URL
        await webhooks.registry.delete(DEFAULT_TENANT, endpoint.id)
        assert list(await app.application.read_webhooks.endpoints()) == []


async def test_addresses_inside_are_no_endpoints_and_there_are_so_many() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        for url in ("https://127.0.0.1/", "http://shop.example.com/", "https://[::1]/"):
            with pytest.raises(InvalidValueError) as raised:
                await webhooks.create(url)
            assert raised.value.path == "url"
        endpoints = [await webhooks.create() for _ in range(MAX_ENDPOINTS)]
        with pytest.raises(InvalidValueError):
            await webhooks.create()
        with pytest.raises(InvalidValueError):
            await webhooks.registry.change(DEFAULT_TENANT, endpoints[0].id, "https://10.0.0.1/", STATUS, enabled=True)


async def test_only_a_change_of_endpoints_is_read_anew_and_one_whose_commit_had_no_answer_too() -> None:
    async with InMemoryApp() as app:
        webhooks, directory = Webhooks(app), app.use_cases.endpoints()
        endpoint = await webhooks.create()
        assert directory.known() is None
        app.clock.advance(1)
        await directory.read()
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.registry.recover(DEFAULT_TENANT, endpoint.id, 0)
        assert directory.known() is not None
        app.database.failing_commits = TRIES
        with pytest.raises(UnavailableError):
            await webhooks.registry.rotate(DEFAULT_TENANT, endpoint.id)
        assert directory.known() is None


async def test_recovery_goes_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        monkeypatch.setattr("wework_message.application.webhooks.registry.RECOVERED_PER_STEP", 2)
        monkeypatch.setattr("wework_message.application.webhooks.registry.MAX_RECOVERED", 4)
        app.outbound.answers[URL] = GONE
        for _ in range(5):
            await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.deliver.round()
        await webhooks.deliver.settled()
        recover = [await webhooks.registry.recover(DEFAULT_TENANT, endpoint.id, 0) for _ in range(2)]
        assert recover == [(4, True), (1, False)]


async def test_the_loops_read_and_deliver_until_they_are_stopped() -> None:
    async with InMemoryApp() as app:
        webhooks, directory = Webhooks(app), app.use_cases.endpoints()
        got = asyncio.Event()

        async def take() -> OutboundAnswer:
            got.set()
            return TAKEN

        app.outbound.answers[URL] = take
        loops = [asyncio.create_task(directory.run()), asyncio.create_task(webhooks.deliver.run())]
        endpoint = await webhooks.create()
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await got.wait()
        await webhooks.deliver.stop(1.0)
        await directory.stop()
        await asyncio.gather(*loops)
        assert (await webhooks.deliveries(endpoint.id))[0].state is DeliveryState.DELIVERED
        assert REREAD_MS < MAX_AGE_MS


async def test_a_receiver_that_breaks_our_client_counts_as_lost() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()

        async def broken() -> OutboundAnswer:
            raise RuntimeError("a defect")

        app.outbound.answers[URL] = broken
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.delivered()
        assert (await webhooks.deliveries(endpoint.id))[0].outcome is OutboundOutcome.LOST


async def test_while_the_database_is_away_the_loops_wait() -> None:
    async with InMemoryApp() as app:
        webhooks, directory = Webhooks(app), app.use_cases.endpoints()
        app.database.away = True
        with pytest.raises(UnavailableError):
            await directory.read()
        with pytest.raises(UnavailableError):
            await webhooks.deliver.round()


async def test_what_happened_while_failures_kept_it_disabled_is_recovered() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create(events=SUBSCRIBABLE)
        app.outbound.answers[URL] = GONE
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.delivered()
        since = app.clock.now() + 1
        app.clock.advance(MAX_AGE_MS)
        app.outbound.answers.clear()
        callback = "https://shop.example.com/orders/7"
        with pytest.raises(UnknownNameError):
            await app.accept_text(status_callback_url=callback)
        await a_sent_message(app)
        assert await webhooks.delivered() == []
        missed = [delivery for delivery in await webhooks.deliveries(endpoint.id) if delivery.created_at >= since]
        assert [(delivery.state, delivery.attempts, delivery.due_at) for delivery in missed] == [
            (DeliveryState.FAILED, 0, None),
        ] * 2  # fmt: skip
        await webhooks.registry.change(DEFAULT_TENANT, endpoint.id, URL, SUBSCRIBABLE, enabled=True)
        assert await webhooks.delivered() == []
        assert await webhooks.registry.recover(DEFAULT_TENANT, endpoint.id, since) == (2, False)
        requests = await webhooks.delivered()
        assert statuses(requests) == ["SENDING", "SENT"]
        assert [request.headers["webhook-id"] for request in requests] == [delivery.event_id for delivery in missed]


async def test_a_message_with_a_callback_url_is_recorded_while_its_endpoint_is_gone() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create(events=(EventType.MESSAGE_UNKNOWN,))
        callback = "https://shop.example.com/orders/7"
        message_id = await app.accept_text(scheduled_at=app.clock.now() + HOUR_MS, status_callback_url=callback)
        app.outbound.answers[URL] = GONE
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.delivered()
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        assert await webhooks.delivered() == []
        await webhooks.registry.change(DEFAULT_TENANT, endpoint.id, URL, STATUS, enabled=True)
        await webhooks.registry.recover(DEFAULT_TENANT, endpoint.id, app.clock.now())
        assert {request.url for request in await webhooks.delivered()} >= {callback}


async def test_nothing_is_recorded_for_an_endpoint_that_a_client_switched_off() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create()
        await webhooks.registry.change(DEFAULT_TENANT, endpoint.id, URL, STATUS, enabled=False)
        await a_sent_message(app)
        assert await webhooks.deliveries(endpoint.id) == []


async def test_an_endpoint_is_not_told_that_it_was_disabled() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        endpoint = await webhooks.create(events=(EventType.WEBHOOK_DISABLED,))
        app.outbound.answers[URL] = GONE
        await webhooks.registry.test(DEFAULT_TENANT, endpoint.id)
        await webhooks.delivered()
        assert not (await webhooks.endpoint(endpoint.id)).enabled
        assert [delivery.type for delivery in await webhooks.deliveries(endpoint.id)] == ["webhook.test"]


async def test_what_somebody_else_writes_is_told_once_however_often_it_is_looked_at() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await a_sent_message(app)
        endpoint = await webhooks.create(events=(EventType.MESSAGE_RECEIVED,))
        record = a_stream_record(
            marked_own=False, sender="customer", text="do you deliver?", provider_message_id=ProviderMessageId("c-1")
        )
        await app.receive_callback(stream_record=record)
        await app.sent(
            an_outcome(OutcomeClass.UNCERTAIN), "whose echo may have come"
        )  # what was unmatched is looked at anew
        await app.projector.project_pending()
        await app.application.replay_callbacks(ReplayCallbacks(ReplaySelection((InboxState.ORPHAN,), 0)))
        await app.projector.project_pending()
        assert len(await webhooks.deliveries(endpoint.id)) == 1


async def test_what_somebody_else_writes_is_told_once_whatever_notify_types_report_it() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await a_sent_message(app)
        endpoint = await webhooks.create(events=(EventType.MESSAGE_RECEIVED,))
        changes: dict[str, Any] = {"marked_own": False, "sender": "customer", "provider_message_id": "c-1"}
        for notify_type in (11010, 11013):
            await app.receive_callback(notify_type=notify_type, stream_record=a_stream_record("one", **changes))
        assert len(await webhooks.delivered()) == 1
        await app.receive_callback(stream_record=a_stream_record("read by now", **changes))
        assert await webhooks.delivered() == []
        await app.receive_callback(stream_record=a_stream_record("two", **changes | {"provider_message_id": "c-2"}))
        await app.receive_callback(stream_record=a_stream_record("nameless", marked_own=False, sender="customer"))
        await app.receive_callback(stream_record=a_stream_record("nameless", marked_own=False, sender="customer"))
        texts = [body["data"]["text"] for body in bodies(await webhooks.delivered())]
        assert sorted(texts) == ["nameless", "nameless", "two"]
        assert len(await webhooks.deliveries(endpoint.id)) == 4
