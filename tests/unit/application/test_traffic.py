"""Sends that are accepted and never seen again degrade their instance, until one is seen (M-6.5)."""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import GUID, HORIZON_MS, NOW, PROVIDER, a_receipt, a_stream_record, an_outcome

from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.probe import ProbeProviders
from wework_message.application.maintenance.traffic import MAX_LOOKED_UP, CheckTraffic
from wework_message.domain.account import BindingState, implicit_binding
from wework_message.domain.ids import BindingId, Guid, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.routing.filters import RouteHealth

BINDING = implicit_binding(GUID, PROVIDER).binding_id


async def sent(app: InMemoryApp, name: str = "4711") -> str:
    """Send one message, and return its name at the provider."""
    provider_message_id = ProviderMessageId(name)
    await app.sent(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(provider_message_id)), content=name)
    return name


async def echo(app: InMemoryApp, name: str) -> None:
    record = a_stream_record(provider_message_id=ProviderMessageId(name), sent_at=NOW)
    assert await app.receive_callback(stream_record=record) == 1


def a_check(app: InMemoryApp) -> CheckTraffic:
    return CheckTraffic(app.board, app.reader, app.policy, app.clock, app.observer)


class Reads:
    """Notes of which guids callbacks are read."""

    def __init__(self, reader: Any, guids: set[str]) -> None:
        self._reader = reader
        self._guids = guids

    async def callbacks(self, tenant_id: TenantId | None, guid: str, **narrowed: Any) -> Any:
        self._guids.add(guid)
        return await self._reader.callbacks(tenant_id, guid, **narrowed)


def health(app: InMemoryApp) -> RouteHealth:
    return app.board.route(PROVIDER, BINDING, "TEXT", app.clock.now())


async def test_without_an_echo_for_2h_it_is_degraded_until_the_first_one() -> None:
    async with InMemoryApp() as app:
        name = await sent(app)
        check = a_check(app)
        app.clock.advance(2 * HORIZON_MS - 1)
        await check()
        assert not health(app).degraded
        app.clock.advance(1)
        for _ in range(2):
            await check()
            assert health(app).degraded
        assert app.observer.degradations == [(BINDING, False)]
        await echo(app, name)
        assert not health(app).degraded
        await check()
        assert app.observer.degradations == [(BINDING, False), (BINDING, True)]


async def test_any_number_of_bindings_is_degraded_and_each_of_them_is_looked_up_again() -> None:
    async with InMemoryApp() as app:
        for number in range(2 * MAX_LOOKED_UP + 1):
            await app.accept_text(guid=Guid(f"g{number}"))
        await app.dispatch()
        app.clock.advance(2 * HORIZON_MS)
        check, read = a_check(app), set[str]()
        for _ in range(3):
            await check()
        assert len(app.observer.degradations) == 2 * MAX_LOOKED_UP + 1
        check = CheckTraffic(
            app.board, cast("MessageReader", Reads(app.reader, read)), app.policy, app.clock, app.observer
        )
        for _ in range(3):
            await check()
        assert len(read) == 2 * MAX_LOOKED_UP + 1


async def test_an_echo_that_another_process_stored_is_found_in_the_store() -> None:
    async with InMemoryApp() as app:
        name = await sent(app)
        here = app.board
        await app.restart()  # what reads the callbacks now has a board of its own
        await echo(app, name)
        app.clock.advance(2 * HORIZON_MS)
        check = CheckTraffic(here, app.reader, app.policy, app.clock, app.observer)
        assert here.unechoed(2 * HORIZON_MS) != []
        await check()
        assert (here.unechoed(0), app.observer.degradations) == ([], [])


async def test_an_echo_of_an_earlier_send_proves_nothing() -> None:
    async with InMemoryApp() as app:
        await echo(app, await sent(app))
        app.clock.advance(1)
        await sent(app, "4712")
        app.clock.advance(2 * HORIZON_MS)
        await a_check(app)()
        assert health(app).degraded


async def test_a_protocol_without_echoes_is_exempt() -> None:
    policy = a_policy()
    providers = {code: dataclasses.replace(provider, has_echoes=False) for code, provider in policy.providers.items()}
    async with InMemoryApp(policy=dataclasses.replace(policy, providers=providers)) as app:
        await sent(app)
        app.clock.advance(2 * HORIZON_MS)
        await a_check(app)()
        assert not health(app).degraded


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([ClientState.OFFLINE] * 2 + [ClientState.ONLINE], BindingState.ONLINE),
        ([ClientState.OFFLINE] * 3, BindingState.OFFLINE),
        ([ClientState.UNKNOWN] * 3, BindingState.UNKNOWN),
    ],
)
async def test_an_instance_in_use_is_polled_and_one_answer_is_not_believed(
    answers: Sequence[ClientState], state: BindingState
) -> None:
    async with InMemoryApp() as app:
        await sent(app)
        probe = ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))
        for answer in answers:
            assert health(app).state is BindingState.UNKNOWN
            app.gateway.states[GUID] = answer
            await probe()  # a requested round does not poll
            await probe(polling=True)
        assert health(app).state is state
        assert app.board.provider(PROVIDER).healthy is True


async def test_a_provider_whose_instances_answer_needs_no_list_of_them() -> None:
    async with InMemoryApp() as app:
        probe = ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))
        app.gateway.answers = False
        await probe(polling=True)
        assert app.board.provider(PROVIDER).healthy is False
        await sent(app)
        app.gateway.states[GUID] = ClientState.ONLINE
        await probe(polling=True)
        assert app.board.provider(PROVIDER).healthy is True


async def test_a_provider_that_cannot_say_how_an_instance_is_lets_trials_begin_when_it_answers() -> None:
    async with InMemoryApp() as app:
        probe = ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))
        reached: list[BindingId] = []
        app.board.ask(PROVIDER, BINDING, GUID)
        app.board.reachable = lambda binding_id, at: reached.append(binding_id)  # type: ignore[method-assign]
        app.gateway.answers = False
        await probe()
        assert reached == []
        app.gateway.answers = True
        await probe()
        assert reached == [BINDING]


async def test_a_pause_that_a_provider_asks_for_holds_its_other_messages_without_an_attempt() -> None:
    async with InMemoryApp() as app:
        first = await app.sent(an_outcome(OutcomeClass.THROTTLED, retry_after_ms=4_000))
        second = await app.accept_text(to="S:2")
        await app.dispatch()
        held = await app.message(second)
        assert (held.status, held.reason, len(held.attempts)) == (MessageStatus.HELD, "THROTTLED", 0)
        assert len(app.gateway.calls) == 1
        await app.pass_time(3_999)
        assert len(app.gateway.calls) == 1
        await app.pass_time(1)
        assert (await app.message(second)).status is MessageStatus.SENT
        await app.pass_time(10_000)  # its own pause has a part of chance
        assert (await app.message(first)).status is MessageStatus.SENT
