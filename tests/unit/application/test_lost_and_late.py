"""Crashes, lost commits, late answers and early echoes: what is known at the end is the truth, whatever the order."""

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import (
    BACKUP,
    DAY_MS,
    GUID,
    HORIZON_MS,
    LEASE_MS,
    PROVIDER,
    a_draft,
    a_receipt,
    a_stream_record,
    an_outcome,
)

from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.application.actions.change import RecallMessage, RetryMessage
from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.probe import ProbeProviders
from wework_message.domain.account import Account, Binding, BindingState, implicit_account_id
from wework_message.domain.content import ImageContent
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BatchId, BindingId, MessageId, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, Dispatch
from wework_message.domain.ports.repositories import InboxState

TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
PROVIDER_MESSAGE_ID = ProviderMessageId("4711")


class Call:
    """A call that stays open until the test answers it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

    async def __call__(self, _: Dispatch) -> AttemptOutcome:
        self.begun.set()
        return await self.answer


async def begun(app: InMemoryApp) -> tuple[MessageId, Call]:
    call = Call()
    app.gateway.script(call)
    message_id = await app.accept_text()
    await app.dispatcher.dispatch_due()
    await call.begun.wait()
    return message_id, call


async def notice_the_end_of_the_lease(app: InMemoryApp) -> None:
    """The call goes on meanwhile: its process was stopped, or is another one."""
    app.clock.advance(LEASE_MS)
    await app.dispatcher.dispatch_due()


async def test_an_echo_during_a_call_whose_process_dies_delivers_the_message_when_the_lease_ends() -> None:
    async with InMemoryApp() as app:
        message_id, _ = await begun(app)
        await app.restart()
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))
        assert (await app.message(message_id)).status is MessageStatus.SENDING
        await app.pass_time(LEASE_MS)
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_an_early_echo_is_found_however_late_the_end_of_the_lease_is_noticed() -> None:
    async with InMemoryApp() as app:
        message_id, _ = await begun(app)
        await app.restart()
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))
        await app.pass_time(DAY_MS // 2)
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


@pytest.mark.parametrize("early", [True, False])
async def test_an_echo_corrects_a_refusal_that_no_table_knows(*, early: bool) -> None:
    async with InMemoryApp() as app:
        message_id, call = await begun(app)
        echo = a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID)
        if early:
            await app.receive_callback(stream_record=echo)
        call.answer.set_result(an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False, error_code=-77))
        await app.quiet()
        failed = await app.message(message_id)
        assert (failed.status, failed.confirmed) == (MessageStatus.FAILED, False)
        if early:
            await app.projector.project_pending()
        else:
            await app.receive_callback(stream_record=echo)
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_an_echo_between_two_tries_to_record_an_answer_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp() as app:
        await app.accept_text("earlier", to="R:2")
        await app.dispatch()
        message_id, call = await begun(app)
        save, saved = MemoryMessageRepository.save, asyncio.Event()

        async def fail_once(self: MemoryMessageRepository, messages: Sequence[Message]) -> frozenset[MessageId]:
            lost = await save(self, messages)
            if not saved.is_set():
                saved.set()
                raise UnavailableError("database")
            return lost

        monkeypatch.setattr(MemoryMessageRepository, "save", fail_once)
        monkeypatch.setattr("wework_message.application.dispatch.record_answers.RECORD_RETRY_S", 0.05)
        call.answer.set_result(TIMED_OUT)
        await saved.wait()
        # Meanwhile another process learns something about the message.
        async with app.units() as unit:
            stored = (await unit.messages.get([message_id]))[message_id]
            stored.options = stored.options._replace(client_message_id="seen")
            stored.possible_duplicate = True
            await unit.messages.save([stored])
            await unit.commit()
        await app.quiet()
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.UNKNOWN, True)


async def test_an_unbuildable_request_is_one_handling_failure_however_often_it_is_recorded() -> None:
    async with InMemoryApp() as app:
        message_id, call = await begun(app)
        app.database.failing_commits = 2
        call.answer.set_result(an_outcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE))
        await app.quiet()
        message = await app.message(message_id)
        assert (message.status, message.handling_failures) == (MessageStatus.RETRY_WAIT, 1)


async def test_both_attempts_of_a_resend_lost_and_an_echo_of_the_first_free_the_lane() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT, TIMED_OUT)
        message_id = await app.accept_text()
        await app.dispatch()
        await app.retrying(RetryMessage(DEFAULT_TENANT, message_id, force=True))
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.UNKNOWN
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        behind = await app.accept_text("next")
        await app.dispatch()
        assert (await app.message(behind)).status is MessageStatus.SENT


async def test_resend_sends_once_more_and_not_for_ever() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(*[TIMED_OUT] * 9)
        message_id = await app.accept_text(on_unknown=OnUnknown.RESEND, duplicate_safe=True)
        await app.dispatch()
        for _ in range(6):
            await app.pass_time(2 * HORIZON_MS)
        message = await app.message(message_id)
        assert (message.status, len(message.attempts)) == (MessageStatus.UNKNOWN, 2)
        assert len(app.gateway.executed) == 2


async def test_what_is_to_be_recalled_is_not_resent() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT)
        message_id = await app.accept_text(on_unknown=OnUnknown.RESEND, duplicate_safe=True)
        await app.dispatch()
        await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, message_id))
        await app.pass_time(2 * HORIZON_MS)
        message = await app.message(message_id)
        assert (message.status, len(message.attempts)) == (MessageStatus.UNKNOWN, 1)


async def test_a_late_answer_with_the_id_that_an_echo_has_brought_is_kept() -> None:
    async with InMemoryApp() as app:
        message_id, call = await begun(app)
        await notice_the_end_of_the_lease(app)
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        call.answer.set_result(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID)))
        await app.quiet()
        message = await app.message(message_id)
        outcome = message.attempts[0].outcome
        assert outcome is not None
        assert (message.status, outcome.kind) == (MessageStatus.DELIVERED, OutcomeClass.ACCEPTED)
        assert outcome.receipt is not None


async def test_a_late_refusal_of_a_part_that_was_delivered_stops_no_other_part() -> None:
    async with InMemoryApp() as app:
        call = Call()
        app.gateway.script(call)
        accepted = await app.accept(a_draft(), a_draft(), a_draft(), grouped=True)
        await app.dispatcher.dispatch_due()
        await call.begun.wait()
        await notice_the_end_of_the_lease(app)
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))
        call.answer.set_result(an_outcome(OutcomeClass.REFUSED_PERMANENT))
        await app.dispatch()
        async with app.units() as unit:
            parts = await unit.messages.group(BatchId(accepted.target))
        assert [part.status for part in parts] == [MessageStatus.DELIVERED, MessageStatus.SENT, MessageStatus.SENT]


async def test_one_echo_settles_one_attempt_even_if_it_names_no_id() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT, TIMED_OUT)
        first = await app.accept_text()
        await app.dispatch()
        await app.pass_time(2 * HORIZON_MS)
        second = await app.accept_text()
        await app.dispatch()
        now = app.clock.now()
        for _ in range(2):
            await app.receive_callback(
                stream_record=a_stream_record(provider_message_id=None, sent_at=now - 2 * HORIZON_MS)
            )
        states = [(await app.message(message_id)).status for message_id in (first, second)]
        assert states == [MessageStatus.DELIVERED, MessageStatus.UNKNOWN]


async def test_an_image_that_is_unknown_is_settled_by_its_id_only() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT)
        accepted = await app.accept(
            content=ImageContent(file_id="f", aes_key="k", md5="m", file_size=1, image_width=1, image_height=1)
        )
        await app.dispatch()
        await app.receive_callback(stream_record=a_stream_record(text=None, provider_message_id=PROVIDER_MESSAGE_ID))
        assert (await app.message(MessageId(accepted.target))).status is MessageStatus.UNKNOWN
        views = await app.reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert [view.state for view in views] == [InboxState.PARKED]


async def test_an_account_whose_login_was_missed_is_asked_and_goes_on_after_a_restart() -> None:
    async with InMemoryApp() as app:
        account = Account(AccountId("acc"))
        offline = Binding(BindingId("b"), account.account_id, PROVIDER, GUID, state=BindingState.OFFLINE)
        app.database.register(account, offline)
        message_id = await app.accept_text(guid=None, account_id=account.account_id)
        await app.dispatch()
        held = await app.message(message_id)
        assert (held.status, held.reason) == (MessageStatus.HELD, "ALL_OFFLINE")
        probing = ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))
        await probing()
        await app.pass_time(60_000)
        assert (await app.message(message_id)).status is MessageStatus.HELD
        app.gateway.states[GUID] = ClientState.ONLINE
        await probing()
        await app.pass_time(60_000)
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_the_newest_accepted_answer_brings_the_accounts_user_id() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(
            an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("1", sender_id="1688")),
            an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("2", sender_id="4242")),
            TIMED_OUT,
        )
        for _ in range(2):
            await app.accept_text("first")
        unknown = await app.accept_text("lost")
        await app.dispatch()
        echo = {"text": "lost", "provider_message_id": PROVIDER_MESSAGE_ID, "marked_own": False}
        await app.receive_callback(stream_record=a_stream_record(sender="1688", **echo))
        assert (await app.message(unknown)).status is MessageStatus.UNKNOWN
        await app.receive_callback(stream_record=a_stream_record(sender="4242", **echo))
        assert (await app.message(unknown)).status is MessageStatus.DELIVERED


async def test_a_part_that_no_binding_can_send_stops_the_parts_behind_it() -> None:
    async with InMemoryApp() as app:
        parts = (a_draft(provider_code=BACKUP), a_draft(), a_draft())
        app.database.register(
            Account(implicit_account_id(GUID)),
            Binding(BindingId("b"), implicit_account_id(GUID), PROVIDER, GUID),
            Binding(BindingId("c"), implicit_account_id(GUID), BACKUP, GUID, enabled=False),
        )
        accepted = await app.accept(*parts, grouped=True)
        await app.dispatch()
        async with app.units() as unit:
            stored = await unit.messages.group(BatchId(accepted.target))
        assert [(part.status, part.reason) for part in stored] == [
            (MessageStatus.FAILED, "NO_BINDING"),
            (MessageStatus.CANCELLED, "EARLIER_PART_REFUSED"),
            (MessageStatus.CANCELLED, "EARLIER_PART_REFUSED"),
        ]
        assert app.gateway.calls == []


async def test_an_account_whose_first_claim_was_rolled_back_is_opened_by_the_next() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        app.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await app.dispatcher.dispatch_due()
        await app.dispatch()
        provider_message_id = (await app.message(message_id)).attempts[0].provider_message_id
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=provider_message_id))
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_the_default_provider_of_today_takes_the_accounts_of_a_provider_that_is_gone() -> None:
    async with InMemoryApp() as app:
        await app.accept_text()
        await app.dispatch()
        others = {code: provider for code, provider in app.policy.providers.items() if code != PROVIDER}
        await app.restart(dataclasses.replace(app.policy, providers=others))
        message_id = await app.accept_text()
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.attempts[0].provider_code) == (MessageStatus.SENT, BACKUP)


async def test_another_default_provider_gets_nothing_of_the_accounts_that_have_one() -> None:
    async with InMemoryApp() as app:
        await app.accept_text()
        await app.dispatch()
        first, second = app.policy.providers.values()
        swapped = {PROVIDER: dataclasses.replace(first, priority=9), BACKUP: second}
        await app.restart(dataclasses.replace(app.policy, providers=swapped))
        message_id = await app.accept_text()
        await app.dispatch()
        assert (await app.message(message_id)).attempts[0].provider_code == PROVIDER
