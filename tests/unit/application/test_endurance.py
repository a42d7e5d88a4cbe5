"""A defect in one part is logged and ends there: no loop dies silently, no answer is lost silently."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import DAY_MS, GUID, LEASE_MS, PROVIDER, a_receipt, a_stream_record, an_outcome
from tests.support.polling import until

from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.application.commit.scope import CommitScope
from wework_message.application.dispatch.claim import ClaimDue, ClaimRequest
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.probe import ProbeProviders, Prober
from wework_message.application.maintenance.prune import GiveUpUnmatched
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import Guid, MessageId, ProviderCode, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState, Dispatch
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.repositories import InboxState


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.name.rpartition(".")[2] for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_observer_that_raises_does_not_stop_the_committer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:

        def fail(_: Message) -> None:
            raise LookupError

        monkeypatch.setattr(app.observer, "accepted", fail)
        await app.accept_text("first")
        message_id = await app.accept_text("second")
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.SENT
    assert "group_commit" in errors(caplog)


async def test_a_gateway_that_raises_has_perhaps_sent(caplog: pytest.LogCaptureFixture) -> None:
    async with InMemoryApp() as app:

        async def fail(_: Dispatch) -> AttemptOutcome:
            raise LookupError

        app.gateway.script(fail)
        message_id = await app.accept_text()
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.UNKNOWN, "GATEWAY_RAISED")
    assert "dispatcher" in errors(caplog)


async def test_statistics_that_raise_do_not_lose_an_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:

        def fail(_: CallReport) -> None:
            raise LookupError

        monkeypatch.setattr(app.observer, "called", fail)
        message_id = await app.accept_text()
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.SENT
    assert "dispatcher" in errors(caplog)


@pytest.mark.parametrize("error", [LookupError(), ConflictError("guard")])
async def test_an_answer_that_cannot_be_settled_is_logged_and_ends_as_unknown(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        settle = SettleCalls.__call__

        async def fail_on_acceptance(
            self: SettleCalls, scope: CommitScope, items: Sequence[Settlement], /
        ) -> Sequence[None]:
            if any(item.outcome.kind is OutcomeClass.ACCEPTED for item in items):
                raise error
            return await settle(self, scope, items)

        monkeypatch.setattr(SettleCalls, "__call__", fail_on_acceptance)
        message_id = await app.accept_text()
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.UNKNOWN, "UNRECORDED")
    assert "record_answers" in errors(caplog)


async def test_an_answer_that_can_never_be_settled_waits_for_the_lease(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:

        async def fail(_: SettleCalls, __: CommitScope, ___: Sequence[Settlement], /) -> Sequence[None]:
            raise LookupError

        monkeypatch.setattr(SettleCalls, "__call__", fail)
        message_id = await app.accept_text()
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.SENDING
        await app.pass_time(LEASE_MS)
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.UNKNOWN, "LEASE_EXPIRED")
    assert "record_answers" in errors(caplog)


async def test_a_claim_that_raises_is_logged_and_dispatching_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        claim, failed = ClaimDue.__call__, asyncio.Event()

        async def fail_once(self: ClaimDue, scope: CommitScope, claim_requests: Sequence[ClaimRequest], /) -> object:
            if failed.is_set():
                return await claim(self, scope, claim_requests)
            failed.set()
            raise LookupError

        monkeypatch.setattr(ClaimDue, "__call__", fail_once)
        running = asyncio.create_task(app.dispatcher.run())
        await failed.wait()
        message_id = await app.accept_text()
        await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await running
    assert "dispatcher" in errors(caplog)


async def test_a_message_that_breaks_a_guard_is_put_off_and_the_others_go(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        poison, healthy = await app.accept_text(to="R:1"), await app.accept_text(to="R:2")
        save = MemoryMessageRepository.save

        async def refuse(self: MemoryMessageRepository, messages: Sequence[Message]) -> frozenset[MessageId]:
            if any(message.id == poison and message.status is MessageStatus.SENDING for message in messages):
                raise ConflictError
            return await save(self, messages)

        monkeypatch.setattr(MemoryMessageRepository, "save", refuse)
        await app.dispatch()
        assert (await app.message(healthy)).status is MessageStatus.SENT
        waiting = await app.message(poison)
        assert (waiting.status, waiting.handling_failures, len(waiting.attempts)) == (MessageStatus.HELD, 0, 0)
        monkeypatch.undo()
        await app.pass_time(60_000)
        assert (await app.message(poison)).status is MessageStatus.SENT
    assert "dispatcher" in errors(caplog)


async def test_probes_that_raise_do_not_end_the_probing(caplog: pytest.LogCaptureFixture) -> None:
    async with InMemoryApp() as app:
        rounds = 0

        class Failing(ProbeProviders):
            async def __call__(self, *, polling: bool = False) -> None:
                nonlocal rounds
                rounds += 1
                if rounds == 3:
                    await prober.stop()
                raise LookupError

        prober = Prober(Failing({}, app.board, app.clock, BindingStates(app.commits, app.clock)), interval_ms=0)
        await prober.run()
        assert rounds == 3
    assert "probe" in errors(caplog)


async def test_a_probe_that_raises_does_not_spoil_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:

        async def fail() -> bool:
            raise LookupError

        monkeypatch.setattr(app.gateway, "probe", fail)
        await ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))()
        healths = [app.board.provider(ProviderCode(code)).healthy for code in app.gateways]
        assert healths == [None, True]
    assert "probe" in errors(caplog)


@pytest.mark.parametrize("outcome", [OutcomeClass.REFUSED_PERMANENT, OutcomeClass.REFUSED_BINDING])
async def test_an_instance_that_may_be_offline_is_probed_at_once(
    monkeypatch: pytest.MonkeyPatch, outcome: OutcomeClass
) -> None:
    async with InMemoryApp() as app:
        probed = asyncio.Event()

        async def client_state(_: Guid) -> ClientState:
            probed.set()
            return ClientState.ONLINE

        async def observed() -> bool:
            return app.board.provider(PROVIDER).healthy is not None

        probing = asyncio.create_task(app.prober.run())
        await until(observed)
        monkeypatch.setattr(app.gateway, "client_state", client_state)
        app.gateway.script(an_outcome(outcome, confirmed=False))
        await app.accept_text("are you there?")
        await app.dispatch()
        await asyncio.wait_for(probed.wait(), 10)
        await app.prober.stop()
        await probing


async def test_a_stop_does_not_wait_for_a_store_that_stays_away() -> None:
    async with InMemoryApp() as app:
        answered = asyncio.Event()

        async def answer(_: Dispatch) -> AttemptOutcome:
            app.database.away = True
            answered.set()
            return app.gateway.accepted()

        app.gateway.script(answer)
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await answered.wait()
        await app.dispatcher.stop(0)
        app.database.away = False
        await app.pass_time(0)
        assert (await app.message(message_id)).status is MessageStatus.SENDING


async def test_a_callback_that_cannot_be_projected_ends_after_five_tries_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        healthy_provider_id = ProviderMessageId("4711")
        app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(healthy_provider_id)))
        healthy, poison = await app.accept_text(to="R:1"), await app.accept_text(to="R:2")
        await app.dispatch()
        poison_provider_id = (await app.message(poison)).attempts[0].provider_message_id
        learn = Message.learn

        def fail_on_poison(self: Message, *args: Any, **changes: Any) -> bool:
            if self.id == poison:
                raise LookupError
            return learn(self, *args, **changes)

        monkeypatch.setattr(Message, "learn", fail_on_poison)
        for provider_message_id, to in ((poison_provider_id, "R:2"), (healthy_provider_id, "R:1")):
            stream_record = a_stream_record(provider_message_id=provider_message_id, conversations=(to,))
            await app.ingesting(app.callbacks.body(stream_record=stream_record))
        await app.projector.project_pending()
        assert (await app.message(healthy)).status is MessageStatus.DELIVERED
        assert (await app.message(poison)).status is MessageStatus.SENT
        views = await app.reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert [view.state for view in views] == [InboxState.APPLIED, InboxState.FAILED]
    assert errors(caplog).count("projector") == 6


async def test_a_defect_of_the_projector_is_logged_and_projecting_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        project, failed = app.projector.project_pending, asyncio.Event()

        async def fail_once() -> int:
            if failed.is_set():
                return await project()
            failed.set()
            raise LookupError

        monkeypatch.setattr(app.projector, "project_pending", fail_once)
        monkeypatch.setattr("wework_message.application.callbacks.projector.RETRY_DELAY_S", 0)
        running = asyncio.create_task(app.projector.run())
        await failed.wait()
        message_id = await app.accept_text()
        await app.dispatch()
        provider_message_id = (await app.message(message_id)).attempts[0].provider_message_id
        await app.ingesting(app.callbacks.body(stream_record=a_stream_record(provider_message_id=provider_message_id)))
        await app.until(message_id, lambda message: message.status is MessageStatus.DELIVERED)
        await app.projector.stop()
        await running
    assert "projector" in errors(caplog)


async def test_callbacks_of_a_process_that_died_are_found_without_a_wakeup() -> None:
    async with InMemoryApp(poll_inbox_ms=10) as app:
        running = asyncio.create_task(app.projector.run())
        message_id = await app.accept_text()
        await app.dispatch()
        provider_message_id = (await app.message(message_id)).attempts[0].provider_message_id
        body = app.callbacks.body(stream_record=a_stream_record(provider_message_id=provider_message_id))
        async with app.units() as unit:
            await unit.inbox.store(PROVIDER, app.callbacks.read(body), app.clock.now())
            await unit.commit()
        await app.until(message_id, lambda message: message.status is MessageStatus.DELIVERED)
        await app.projector.stop()
        await running


async def test_records_that_match_nothing_for_a_day_are_reported_as_orphans(caplog: pytest.LogCaptureFixture) -> None:
    async with InMemoryApp() as app:
        await app.accept_text()
        await app.dispatch()
        await app.receive_callback(stream_record=a_stream_record(text="typed on the phone"))
        task = GiveUpUnmatched(app.clock)
        for ms in (DAY_MS, 1):
            assert not caplog.records
            app.clock.advance(ms)
            async with app.units() as unit:
                assert not await task.step(unit)
                await unit.commit()
        (view,) = await app.reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert view.state is InboxState.ORPHAN
    assert [record.levelname for record in caplog.records] == ["WARNING"]
