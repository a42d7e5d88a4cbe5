"""What notices say about an instance is believed only where nothing better is known (ADR 24)."""

import asyncio
from typing import Any, Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, NOW, PROVIDER, a_receipt, a_stream_record, an_outcome

from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.probe import ProbeProviders
from wework_message.domain.account import Account, Binding, BindingState, contradicts
from wework_message.domain.ids import AccountId, BindingId, Guid, MessageId, ProviderMessageId
from wework_message.domain.inbox import NOTICE_NEWS_MS
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, NoticeKind
from wework_message.domain.ports.repositories import InboxState, InboxVerdict

OWN, OTHER = "1688850000000042", "1688850000000099"
TIMED_OUT: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
ACCOUNT: Final = Account(AccountId("acc"))
FIRST: Final = Binding(BindingId("first"), ACCOUNT.account_id, PROVIDER, GUID)
SECOND: Final = Binding(BindingId("second"), ACCOUNT.account_id, PROVIDER, Guid("guid-b"))


async def send(app: InMemoryApp, content: str = "hello", sender_id: str | None = None) -> MessageId:
    """Send a text; `sender_id` is in the answer, and without it the answer is lost."""
    accepted = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(sender_id=sender_id))
    app.gateway.script(TIMED_OUT if sender_id is None else accepted)
    message_id = await app.accept_text(content)
    await app.dispatch()
    return message_id


async def status(app: InMemoryApp, message_id: MessageId) -> MessageStatus:
    return (await app.message(message_id)).status


async def notice(app: InMemoryApp, kind: NoticeKind, **fields: Any) -> None:
    await app.receive_callback(**{"guid": GUID, "notify_type": 11003, "notice": kind} | fields)


async def echo(app: InMemoryApp, sender: str, text: str = "lost") -> None:
    fields = {"sender": sender, "text": text, "marked_own": False, "provider_message_id": ProviderMessageId("4711")}
    await app.receive_callback(stream_record=a_stream_record(**fields))


async def own_user_id(app: InMemoryApp) -> str | None:
    async with app.units() as unit:
        (binding,) = await unit.accounts.binding_of(GUID)
        stored = await unit.accounts.accounts([binding.account_id])
    return stored[binding.account_id][0].wecom_user_id


async def stored_state(app: InMemoryApp) -> BindingState:
    async with app.units() as unit:
        (binding,) = await unit.accounts.binding_of(GUID)
    return binding.state


async def probe(app: InMemoryApp, state: ClientState) -> None:
    app.gateway.states[GUID] = state
    await ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))()


async def test_a_logout_asks_the_provider_before_anything_is_held() -> None:
    async with InMemoryApp() as app:
        await send(app, sender_id=OWN)
        await notice(app, NoticeKind.OFFLINE)
        assert await status(app, await send(app, "still", OWN)) is MessageStatus.SENT
        assert await stored_state(app) is BindingState.UNKNOWN
        assert [guid for _, _, guid in app.board.suspects()] == [GUID]
        await probe(app, ClientState.OFFLINE)
        held = await app.accept_text("next")
        await app.dispatch()
        message = await app.message(held)
        assert (message.status, message.reason) == (MessageStatus.HELD, "ALL_OFFLINE")
        assert await stored_state(app) is BindingState.OFFLINE
        await notice(app, NoticeKind.ONLINE)
        await app.pass_time(60_000)
        assert await status(app, held) is MessageStatus.SENT
        assert await stored_state(app) is BindingState.ONLINE


async def test_a_logout_that_the_provider_denies_holds_nothing_and_is_asked_about_once() -> None:
    async with InMemoryApp() as app:
        await send(app, sender_id=OWN)
        await notice(app, NoticeKind.OFFLINE)
        await probe(app, ClientState.UNKNOWN)
        assert len(app.board.suspects()) == 1
        await probe(app, ClientState.ONLINE)
        assert app.board.suspects() == ()
        assert await status(app, await send(app, "next", OWN)) is MessageStatus.SENT


async def test_a_probe_without_an_answer_changes_nothing_that_is_stored() -> None:
    async with InMemoryApp() as app:
        await send(app, sender_id=OWN)
        await notice(app, NoticeKind.ONLINE, wecom_user_id=OWN)
        await notice(app, NoticeKind.OFFLINE)
        await probe(app, ClientState.UNKNOWN)
        assert await stored_state(app) is BindingState.ONLINE


@pytest.mark.parametrize("kind", [NoticeKind.OFFLINE, NoticeKind.ONLINE])
async def test_the_provider_is_asked_at_once(monkeypatch: pytest.MonkeyPatch, kind: NoticeKind) -> None:
    async with InMemoryApp() as app:
        called = asyncio.Event()

        async def client_state(_: Guid) -> ClientState:
            called.set()
            return ClientState.ONLINE

        await send(app, sender_id=OWN)
        probing = asyncio.create_task(app.prober.run())
        monkeypatch.setattr(app.gateway, "client_state", client_state)
        await notice(app, kind, wecom_user_id=OTHER)
        await asyncio.wait_for(called.wait(), 10)
        await app.prober.stop()
        await probing


async def test_a_login_that_contradicts_accepted_answers_changes_nothing_by_itself() -> None:
    async with InMemoryApp() as app:
        await send(app, sender_id=OWN)
        await notice(app, NoticeKind.ONLINE, wecom_user_id=OTHER)
        ((_, binding_id, _),) = app.board.suspects()
        assert app.board.route(PROVIDER, binding_id, "TEXT", NOW).state is BindingState.UNKNOWN
        assert (await own_user_id(app), await stored_state(app)) == (OWN, BindingState.UNKNOWN)
        lost = await send(app, "lost")
        await echo(app, OTHER)
        assert await status(app, lost) is MessageStatus.UNKNOWN
        await echo(app, OWN)
        assert await status(app, lost) is MessageStatus.DELIVERED


async def test_a_login_as_the_proven_user_is_believed() -> None:
    async with InMemoryApp() as app:
        await send(app, sender_id=OWN)
        await notice(app, NoticeKind.ONLINE, wecom_user_id=OWN)
        assert (await own_user_id(app), await stored_state(app)) == (OWN, BindingState.ONLINE)
        assert app.board.suspects() == ()


async def test_the_answers_at_another_instance_of_the_account_prove_its_user_id_too() -> None:
    async with InMemoryApp() as app:
        app.database.register(ACCOUNT, FIRST, SECOND)
        app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(sender_id=OWN)))
        message_id = await app.accept_text(account_id=ACCOUNT.account_id, guid=None)
        await app.dispatch()
        proven = (await app.message(message_id)).attempts[0].guid
        (other,) = {FIRST.guid, SECOND.guid} - {proven}
        await notice(app, NoticeKind.ONLINE, wecom_user_id=OTHER, guid=other)
        async with app.units() as unit:
            assert (await unit.accounts.accounts([ACCOUNT.account_id]))[ACCOUNT.account_id][0].wecom_user_id == OWN


async def test_a_lost_answer_is_settled_once_a_login_names_the_accounts_user_id() -> None:
    async with InMemoryApp() as app:
        lost = await send(app, "lost")
        await echo(app, OWN)
        assert await status(app, lost) is MessageStatus.UNKNOWN
        app.clock.advance(SKEW_MS + 1)
        app.gateway.script(TIMED_OUT)
        await app.accept_text("lost later", to="S:9")
        await app.dispatch()
        await notice(app, NoticeKind.ONLINE, wecom_user_id=OWN)
        await app.projector.project_pending()
        assert await status(app, lost) is MessageStatus.DELIVERED


async def late_notice(app: InMemoryApp, user_id: str) -> None:
    """A login that is read when it is no news any more: the service was away meanwhile."""
    await app.ingesting(
        app.callbacks.body(guid=GUID, notify_type=11003, notice=NoticeKind.ONLINE, wecom_user_id=user_id)
    )
    app.clock.advance(NOTICE_NEWS_MS + 1)
    await app.projector.project_pending()


async def test_a_late_login_says_who_the_account_is_and_not_that_it_is_online() -> None:
    async with InMemoryApp() as app:
        lost = await send(app, "lost")
        await echo(app, OWN)
        assert await status(app, lost) is MessageStatus.UNKNOWN
        await late_notice(app, OWN)
        assert (await own_user_id(app), await stored_state(app)) == (OWN, BindingState.UNKNOWN)
        assert [guid for _, _, guid in app.board.suspects()] == [GUID]
        await app.projector.project_pending()
        assert await status(app, lost) is MessageStatus.DELIVERED


async def test_a_probe_learns_no_user_id() -> None:
    async with InMemoryApp() as app:
        await send(app, "lost")
        await probe(app, ClientState.ONLINE)
        assert await own_user_id(app) is None


async def test_a_late_login_does_not_win_over_a_newer_one_as_somebody_else() -> None:
    async with InMemoryApp() as app:
        await send(app, "lost")
        await notice(app, NoticeKind.ONLINE, wecom_user_id=OWN)
        await late_notice(app, OTHER)
        assert await own_user_id(app) == OWN


async def test_a_login_that_another_process_applies_last_does_not_win_over_a_newer_one() -> None:
    async with InMemoryApp() as app:
        await send(app, "lost")
        for user_id in (OTHER, OWN):
            fields = {"guid": GUID, "notify_type": 11003, "notice": NoticeKind.ONLINE, "wecom_user_id": user_id}
            await app.ingesting(app.callbacks.body(**fields))
            app.clock.advance(1)
        async with app.units() as unit:  # it is PENDING again once the newer one has told who the account is
            older, _ = await unit.inbox.pending(10)
            await unit.inbox.decide([InboxVerdict(older.id, InboxState.PARKED)])
            await unit.commit()
        await app.projector.project_pending()
        assert await app.inbox() == [InboxState.ORPHAN] * 2
        assert await own_user_id(app) == OWN


async def test_a_late_login_that_contradicts_accepted_answers_teaches_nothing() -> None:
    async with InMemoryApp() as app:
        app.database.register(ACCOUNT, FIRST)
        await app.sent(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(sender_id=OWN)))
        app.database.register(ACCOUNT, FIRST)  # an account that was registered anew: its user id is not known
        assert await own_user_id(app) is None
        await late_notice(app, OTHER)
        assert await own_user_id(app) is None
        await late_notice(app, OWN)
        assert await own_user_id(app) == OWN


async def test_a_late_login_of_a_registration_that_is_gone_teaches_nothing() -> None:
    async with InMemoryApp() as app:
        await send(app, "lost")
        async with app.units() as unit:
            (binding,) = await unit.accounts.binding_of(GUID)
        app.database.accounts.drop(binding.account_id)
        await late_notice(app, OWN)
        assert await app.inbox() == [InboxState.ORPHAN]


async def test_an_accepted_answer_corrects_a_forged_login_and_settles_what_it_had_made_an_orphan() -> None:
    async with InMemoryApp() as app:
        lost = await send(app, "lost")
        await notice(app, NoticeKind.ONLINE, wecom_user_id=OTHER)
        await echo(app, OWN)
        assert await status(app, lost) is MessageStatus.UNKNOWN
        views = await app.reader.callbacks(None, GUID, notify_type=11010, limit=9, before=None)
        assert [view.state for view in views] == [InboxState.ORPHAN]
        app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(sender_id=OWN)))
        await app.accept_text("answered", to="S:9")
        await app.dispatch()
        assert await own_user_id(app) == OWN
        await app.projector.project_pending()
        assert await status(app, lost) is MessageStatus.DELIVERED


@pytest.mark.parametrize(
    ("proven", "contradicted"),
    [([], False), ([None], False), ([OTHER], True), ([None, OTHER], True), ([OTHER, OWN], False)],
)
def test_only_what_answers_prove_can_be_contradicted(proven: list[str | None], *, contradicted: bool) -> None:
    assert contradicts(OWN, proven) is contradicted
