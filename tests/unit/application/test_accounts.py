"""Registered accounts at work: senders, history, changes by other processes, and what waits meanwhile (ADR 44)."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import (
    BACKUP,
    CONVERSATION,
    GUID,
    PROVIDER,
    a_receipt,
    a_stream_record,
    an_outcome,
)

from wework_message.adapters.memory.accounts import MemoryAccountReader, MemoryAccountRepository
from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.adapters.redis.account_cache import AccountCache
from wework_message.adapters.redis.caching_units import CachingUnitOfWorkFactory
from wework_message.application.accounts.directory import MAX_AGE_MS, AccountDirectory, account_of_guid
from wework_message.application.accounts.settings import AccountSettings, BindingSettings, RequestedBinding
from wework_message.application.dispatch.routing import RECHECK_MS
from wework_message.application.errors import AccountDisabledError, NotFoundError
from wework_message.application.instances.clients import MarkRead, MarkReadHandler
from wework_message.application.policy import InstancePolicy
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.domain.account import Account, Binding, Standby, binding_id_of, implicit_account_id
from wework_message.domain.content import MergedContent
from wework_message.domain.content.records import MergedText
from wework_message.domain.errors import ConflictError, TryAgainError, UnavailableError
from wework_message.domain.ids import (
    DEFAULT_TENANT,
    AccountId,
    Guid,
    MessageId,
    ProviderCode,
    ProviderMessageId,
    TenantId,
)
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.options import Pin
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.accounts import Registered
from wework_message.domain.ports.gateway import NoticeKind
from wework_message.domain.registration import StaleVersionError, TakenError

SALES = AccountId("sales")
SPARE = Guid("spare")
TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
ACCEPTED = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(ProviderMessageId("4711")))


class Forgetful(Shared):
    """Accounts are read anew for every claim."""

    remember_s = 0.0


def a_binding(guid: Guid = GUID, code: ProviderCode = PROVIDER, **settings: Any) -> RequestedBinding:
    return RequestedBinding(code, guid, BindingSettings(**settings))


async def register(
    app: InMemoryApp, *bindings: RequestedBinding, account_id: AccountId | None = SALES, **settings: Any
) -> Account:
    account, _ = await app.application.accounts.register(
        DEFAULT_TENANT, account_id, AccountSettings(**settings), bindings or (a_binding(),)
    )
    return account


async def switch(app: InMemoryApp, *, enabled: bool) -> None:
    await app.application.accounts.change(DEFAULT_TENANT, SALES, AccountSettings(enabled=enabled))


@asynccontextmanager
async def beside(app: InMemoryApp, shared: type[Shared] = Forgetful) -> AsyncIterator[InMemoryApp]:
    """A second process on the same database."""
    async with InMemoryApp(shared=shared) as other:
        other.clock, other.database, other.units, other.reader = app.clock, app.database, app.units, app.reader
        other.gateways, other.gateway = app.gateways, app.gateway
        await other.restart()
        yield other


async def test_a_change_counts_in_another_process_within_five_seconds_and_loses_nothing_before() -> None:
    """There a message may still be accepted for the guid itself; it goes out by the instance of the account."""
    async with InMemoryApp() as app, beside(app) as other:
        await other.accept_text(guid=Guid("first"))  # what is registered is known there from now on
        await other.dispatch()
        await register(app)
        early = await other.accept_text(to="R:1")
        assert (await other.message(early)).account_id == implicit_account_id(GUID)
        await other.dispatch()
        sent = await other.message(early)
        assert sent.status is MessageStatus.SENT
        assert [attempt.binding_id for attempt in sent.attempts] == [binding_id_of(GUID, PROVIDER)]
        other.clock.advance(MAX_AGE_MS)
        assert (await other.message(await other.accept_text(to="R:2"))).account_id == SALES
        await other.dispatch()
        await switch(app, enabled=False)
        waits = await other.accept_text(to="R:3")
        await other.dispatch()
        assert (await other.message(waits)).reason == "ACCOUNT_DISABLED"
        other.clock.advance(MAX_AGE_MS)
        with pytest.raises(AccountDisabledError):
            await other.accept_text(to="R:4")


async def test_bindings_do_not_change_where_the_limits_of_their_account_cannot_be_read() -> None:
    """They would be stored as none, and the account as switched off."""
    async with InMemoryApp() as app:
        account = await register(app)
        unread = dataclasses.replace(account, enabled=False, limits_known=False)
        async with app.units() as unit:
            app.database.accounts.put(SALES, unread)
            await unit.commit()
        accounts, binding_id = app.application.accounts, binding_id_of(GUID, PROVIDER)
        for change in (
            accounts.bind(DEFAULT_TENANT, SALES, a_binding(SPARE)),
            accounts.change_binding(DEFAULT_TENANT, SALES, binding_id, BindingSettings()),
            accounts.unbind(DEFAULT_TENANT, SALES, binding_id),
        ):
            with pytest.raises(UnavailableError, match="cannot be read"):
                await change
        assert app.database.accounts.get(SALES) == unread
        await switch(app, enabled=True)
        stored = app.database.accounts.get(SALES)
        assert stored is not None
        assert stored.limits_known


async def test_the_process_that_made_a_change_knows_it_at_once() -> None:
    async with InMemoryApp() as app:
        assert (await app.message(await app.accept_text())).account_id == implicit_account_id(GUID)
        await app.dispatch()
        await register(app, account_id=None)
        await register(app, a_binding(SPARE))
        assert (await app.message(await app.accept_text(guid=SPARE))).account_id == SALES
        await switch(app, enabled=False)
        for names in ({"guid": SPARE}, {"guid": None, "account_id": SALES}):
            with pytest.raises(AccountDisabledError, match="account is disabled"):
                await app.accept_text(**names)
        assert app.stored() == 2


async def test_what_was_uncertain_before_a_guid_was_registered_is_settled_afterwards() -> None:
    async with InMemoryApp(shared=Forgetful) as app:
        unknown = await app.sent(TIMED_OUT)
        account = await register(app, a_binding(), a_binding(SPARE, BACKUP), account_id=None)
        assert account.account_id == implicit_account_id(GUID)
        behind = await app.accept_text("behind")
        await app.dispatch()
        assert (await app.message(behind)).reason == "LANE_BLOCKED"
        await app.receive_callback(stream_record=a_stream_record(text="hello", provider_message_id="4711"))
        await app.dispatch()
        settled, sent = await app.message(unknown), await app.message(behind)
        assert (settled.status, sent.status) == (MessageStatus.DELIVERED, MessageStatus.SENT)
        assert sent.account_id == settled.account_id == account.account_id


async def test_an_echo_of_a_call_whose_binding_was_removed_meanwhile_is_found() -> None:
    async with InMemoryApp(shared=Forgetful) as app:
        await register(app, a_binding(), a_binding(SPARE, BACKUP, standby=Standby.WARM))
        answer = app.hold_next_send()
        open_call = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await asyncio.sleep(0)  # the call begins; one that had not would be fenced off
        binding_id = binding_id_of(GUID, PROVIDER)
        _, left = await app.application.accounts.unbind(DEFAULT_TENANT, SALES, binding_id)
        assert [binding.guid for binding in left] == [SPARE]
        answer.set_result(ACCEPTED)
        await app.quiet()
        assert (await app.message(open_call)).status is MessageStatus.SENT
        await app.receive_callback(stream_record=a_stream_record(provider_message_id="4711"))
        assert (await app.message(open_call)).status is MessageStatus.DELIVERED
        await app.application.accounts.change_binding(
            DEFAULT_TENANT, SALES, binding_id_of(SPARE, BACKUP), BindingSettings()
        )
        sibling = await app.accept_text(guid=None, account_id=SALES, to="R:2")
        own_again = await app.accept_text(to="R:3")
        await app.dispatch()
        assert [attempt.guid for attempt in (await app.message(sibling)).attempts] == [SPARE]
        again = await app.message(own_again)
        assert (again.account_id, again.status) == (implicit_account_id(GUID), MessageStatus.SENT)


async def test_an_uncertain_call_of_a_removed_binding_is_settled_by_its_content() -> None:
    async with InMemoryApp(shared=Forgetful) as app:
        await register(app)
        unknown = await app.sent(TIMED_OUT)
        await app.application.accounts.unbind(DEFAULT_TENANT, SALES, binding_id_of(GUID, PROVIDER))
        await app.receive_callback(stream_record=a_stream_record(text="hello", provider_message_id="4711"))
        assert (await app.message(unknown)).status is MessageStatus.DELIVERED


async def test_what_waits_of_an_account_that_is_switched_off_goes_out_when_it_is_on_again() -> None:
    async with InMemoryApp(shared=Forgetful) as app:
        await register(app)
        waiting = [await app.accept_text(to=f"R:{number}", scheduled_at=app.clock.now() + 1) for number in range(500)]
        other = await app.accept_text(guid=Guid("other"), scheduled_at=app.clock.now() + 1)
        await switch(app, enabled=False)
        await app.pass_time(10)
        held = [await app.message(message_id) for message_id in waiting]
        assert {len(message.attempts) for message in held} == {0}
        reasons = [message.reason for message in held if message.status is MessageStatus.HELD]
        assert reasons == ["ACCOUNT_DISABLED"], "one says so, and the others are not written again and again"
        assert (await app.message(other)).status is MessageStatus.SENT
        await app.application.accounts.unbind(DEFAULT_TENANT, SALES, binding_id_of(GUID, PROVIDER))
        looked_at = 0
        for _ in range(60):
            app.clock.advance(1_000)
            looked_at += await app.dispatcher.dispatch_due()
        assert 0 < looked_at <= 12 * 25, "a claim every 5 s may come across some of them"
        assert (await app.message(waiting[0])).reason == "ACCOUNT_DISABLED"
        await app.application.accounts.bind(DEFAULT_TENANT, SALES, a_binding())
        await switch(app, enabled=True)
        await app.pass_time(5_000)
        assert {(await app.message(message_id)).status for message_id in waiting} == {MessageStatus.SENT}


@pytest.mark.parametrize(("pin", "used"), [(Pin.BINDING, [GUID]), (Pin.ACCOUNT, [GUID, SPARE])])
async def test_a_pinned_message_of_an_account_stays_at_the_binding_of_its_first_attempt(
    pin: Pin, used: list[Guid]
) -> None:
    async with InMemoryApp() as app:
        await register(app, a_binding(), a_binding(SPARE, BACKUP))
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_BINDING))
        message_id = await app.accept_text(guid=None, account_id=SALES, pin=pin)
        await app.dispatch()
        await app.pass_time(60_000)
        message = await app.message(message_id)
        assert [attempt.guid for attempt in message.attempts] == used


async def test_a_pin_names_the_instance_at_the_requested_provider() -> None:
    async with InMemoryApp() as app:
        await register(app, a_binding(), a_binding(code=BACKUP))
        message_id = await app.accept_text(pin=Pin.BINDING, provider_code=BACKUP)
        await app.dispatch()
        assert [attempt.provider_code for attempt in (await app.message(message_id)).attempts] == [BACKUP]


@pytest.mark.parametrize("error", [ConflictError("another process"), TryAgainError("database", "deadlock")])
async def test_where_another_process_is_faster_the_change_reads_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with InMemoryApp() as app:
        save, failures = MemoryAccountRepository.save, [error, error]

        async def beaten(self: MemoryAccountRepository, account: Account, bindings: Any = ()) -> None:
            if failures:
                raise failures.pop()
            await save(self, account, bindings)

        monkeypatch.setattr(MemoryAccountRepository, "save", beaten)
        assert (await register(app)).version == 1
        failures.extend([error] * 3)
        with pytest.raises(type(error)):
            await switch(app, enabled=False)
        assert (await app.application.read_accounts.account(DEFAULT_TENANT, SALES)) is not None


async def test_a_change_is_made_from_what_is_stored_and_not_from_a_cache() -> None:
    """With Redis a unit of work reads accounts from a cache that other processes' changes reach a moment later."""
    async with InMemoryApp() as app:
        plain, cache = app.application.accounts, AccountCache(app.clock)
        units = CachingUnitOfWorkFactory(app.units, cache, lambda: None)
        cached = dataclasses.replace(plain, units=units)
        await register(app, a_binding(), a_binding(SPARE), wecom_user_id="1688")
        generation = cache.generation
        async with units() as unit:
            await unit.accounts.accounts([SALES])
            await unit.accounts.binding_of(SPARE)
        await plain.unbind(DEFAULT_TENANT, SALES, binding_id_of(SPARE, PROVIDER))
        support = AccountId("support")
        account, bindings = await cached.register(DEFAULT_TENANT, support, AccountSettings(), [a_binding(SPARE)])
        assert (account.version, [binding.guid for binding in bindings]) == (1, [SPARE])
        assert cache.generation > generation
        async with units() as unit:
            await unit.accounts.accounts([SALES])
        await switch(app, enabled=False)
        account, _ = await cached.change(DEFAULT_TENANT, SALES, AccountSettings(name="Sales"), version=3)
        assert (account.version, account.name) == (4, "Sales")


async def test_who_is_too_late_is_told_where_the_guid_is() -> None:
    async with InMemoryApp() as app:
        await register(app)
        with pytest.raises(TakenError, match="account sales at"):
            await register(app, account_id=AccountId("support"))
        with pytest.raises(TakenError, match="registered already"):
            await register(app, a_binding(SPARE))
        with pytest.raises(StaleVersionError):
            await app.application.accounts.change(DEFAULT_TENANT, SALES, AccountSettings(), version=7)
        for tenant_id, account_id in ((TenantId("other"), SALES), (DEFAULT_TENANT, AccountId("none"))):
            with pytest.raises(NotFoundError):
                await app.application.accounts.change(tenant_id, account_id, AccountSettings())


async def test_an_account_without_an_id_and_a_guid_gets_an_id() -> None:
    async with InMemoryApp() as app:
        account, bindings = await app.application.accounts.register(DEFAULT_TENANT, None, AccountSettings(), ())
        assert (len(account.account_id), list(bindings)) == (36, [])


async def test_what_is_registered_is_read_once_for_all_who_wait_and_not_again_while_it_is_fresh() -> None:
    async with InMemoryApp() as app:
        await register(app)
        reads: list[int | None] = []

        class Counted(MemoryAccountReader):
            async def registered(self, revision: int | None = None) -> Registered | None:
                reads.append(revision)
                await asyncio.sleep(0)
                return await super().registered(revision)

        directory = AccountDirectory(Counted(app.database), app.clock)
        assert directory.known() is None
        first, *others = await asyncio.gather(*(directory.read() for _ in range(3)))
        assert (set(first.accounts), reads) == ({SALES}, [None])
        assert all(other is first for other in others)
        app.clock.advance(MAX_AGE_MS - 1)
        assert directory.known() is first
        app.clock.advance(1)
        assert directory.known() is None
        app.database.away = True
        with pytest.raises(UnavailableError):
            await directory.read()
        app.database.away = False
        assert await directory.read() is first
        assert reads == [None, first.revision, first.revision]
        directory.expire()
        assert directory.known() is None


async def test_a_read_that_began_before_an_own_change_does_not_count_after_it() -> None:
    async with InMemoryApp() as app:
        await register(app)
        gate, begun = asyncio.Event(), asyncio.Event()

        class Slow(MemoryAccountReader):
            async def registered(self, revision: int | None = None) -> Registered | None:
                answer = await super().registered(revision)
                begun.set()
                await gate.wait()
                return answer

        directory = AccountDirectory(Slow(app.database), app.clock)
        reading = asyncio.create_task(directory.read())
        await begun.wait()
        await switch(app, enabled=False)
        directory.expire()
        gate.set()
        assert (await reading).accounts[SALES].enabled  # it was asked before the change
        assert directory.known() is None
        assert not (await directory.read()).accounts[SALES].enabled
        assert directory.known() is await directory.read()


@pytest.mark.parametrize(
    ("requested", "default", "expected"),
    [(None, PROVIDER, "first"), (BACKUP, PROVIDER, "second"), (ProviderCode("X"), ProviderCode("Y"), "second")],
)
def test_a_guid_of_two_accounts_is_that_of_the_provider(
    requested: ProviderCode | None, default: ProviderCode, expected: str
) -> None:
    accounts = {AccountId(name): Account(AccountId(name)) for name in ("first", "second", "guid:named")}
    guids = {GUID: {PROVIDER: AccountId("first"), BACKUP: AccountId("second")}}
    registered = Registered(1, accounts, guids)
    account = account_of_guid(registered, GUID, requested=requested, default=default)
    assert account is not None
    assert account.account_id == expected
    named = account_of_guid(registered, Guid("named"), requested=None, default=None)
    assert named is accounts[AccountId("guid:named")]
    assert account_of_guid(registered, SPARE, requested=None, default=None) is None
    assert account_of_guid(Registered(1, {}, guids), GUID, requested=requested, default=default) is None


async def test_a_registered_account_never_gets_a_binding_that_nobody_asked_for() -> None:
    async with InMemoryApp() as app:
        await register(app, account_id=None)
        await app.application.accounts.unbind(DEFAULT_TENANT, implicit_account_id(GUID), binding_id_of(GUID, PROVIDER))
        message_id: MessageId = await app.accept_text()
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason, len(message.attempts)) == (MessageStatus.HELD, "NO_BINDING", 0)
        async with app.units() as unit:
            bindings: list[Binding] = list(await unit.accounts.binding_of(GUID))
        assert [binding.removed for binding in bindings] == [True]
        with pytest.raises(TakenError) as refused:
            await register(app, account_id=None)
        assert refused.value.path == "bindings[0].guid"


@pytest.mark.parametrize("pin", [None, Pin.BINDING])
async def test_what_waits_goes_out_by_the_account_that_has_its_guid_now(pin: Pin | None) -> None:
    async with InMemoryApp() as app:
        await app.accept_text()
        await app.dispatch()
        named_after = implicit_account_id(GUID)
        waiting = await app.accept_text(**({} if pin is None else {"pin": pin}))
        await app.application.accounts.unbind(DEFAULT_TENANT, named_after, binding_id_of(GUID, PROVIDER))
        await app.dispatch()
        assert (await app.message(waiting)).reason == "NO_BINDING"
        await register(app)
        app.clock.advance(RECHECK_MS)
        await app.dispatch()
        message = await app.message(waiting)
        assert (message.status, message.account_id) == (MessageStatus.SENT, named_after)


async def test_a_registered_account_that_is_off_sends_through_nobody() -> None:
    async with InMemoryApp() as app:
        named_after = (await register(app, account_id=None)).account_id
        waiting = await app.accept_text()
        await app.application.accounts.unbind(DEFAULT_TENANT, named_after, binding_id_of(GUID, PROVIDER))
        await app.application.accounts.change(DEFAULT_TENANT, named_after, AccountSettings(enabled=False))
        await register(app)
        await app.dispatch()
        assert (await app.message(waiting)).reason == "ACCOUNT_DISABLED"


async def test_a_message_waits_for_a_binding_of_its_account_and_for_the_one_that_it_is_pinned_to() -> None:
    async with InMemoryApp() as app:
        await register(app, a_binding(), a_binding(SPARE))
        anywhere = await app.accept_text(guid=None, account_id=SALES)
        pinned = await app.accept_text(guid=SPARE, pin=Pin.BINDING, to="R:2")
        for guid in (SPARE, GUID):
            await app.application.accounts.unbind(DEFAULT_TENANT, SALES, binding_id_of(guid, PROVIDER))
        for bound, reasons in ((GUID, [None, "NO_BINDING"]), (SPARE, [None, None])):
            await app.dispatch()
            assert (await app.message(pinned)).reason == "NO_BINDING"
            await app.application.accounts.bind(DEFAULT_TENANT, SALES, a_binding(bound))
            app.clock.advance(RECHECK_MS)
            await app.dispatch()
            assert [(await app.message(message_id)).reason for message_id in (anywhere, pinned)] == reasons


@pytest.mark.parametrize(
    ("before", "names"),
    [((), {}), ((a_binding(enabled=False),), {}), ((a_binding(),), {"provider_code": BACKUP})],
    ids=["none", "disabled", "other provider"],
)
async def test_what_another_process_has_bound_is_read_before_a_message_fails(
    before: tuple[RequestedBinding, ...], names: dict[str, Any]
) -> None:
    async with InMemoryApp() as app, beside(app, Shared) as other:
        registry = app.application.accounts
        await registry.register(DEFAULT_TENANT, SALES, AccountSettings(), before)
        message_id = await other.accept_text(guid=None, account_id=SALES, **names)
        async with other.units() as unit:
            await other.router.prepare(unit, [await other.message(message_id)])  # it is cached there from now on
        if before and not names:
            await registry.change_binding(DEFAULT_TENANT, SALES, binding_id_of(GUID, PROVIDER), BindingSettings())
        else:
            await registry.bind(DEFAULT_TENANT, SALES, a_binding(code=BACKUP if names else PROVIDER))
        await other.dispatch()
        assert (await other.message(message_id)).status is MessageStatus.SENT


@pytest.mark.parametrize("account_id", [SALES, None])
async def test_a_record_has_the_author_that_was_learnt_since_the_directory_was_read(
    account_id: AccountId | None,
) -> None:
    async with InMemoryApp() as app:
        if account_id is not None:
            await register(app)
        record = MergedContent(messages=(MergedText(content="hello", sender_name="Li"),))
        app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711", sender_id="1688")))
        await app.accept_text()
        await app.dispatch()
        stored = (await app.message(MessageId((await app.accept(content=record)).target))).content
        assert isinstance(stored, MergedContent)
        assert [getattr(item, "sender_user_id", None) for item in stored.messages] == ["1688"]


async def test_an_echo_is_that_of_the_account_of_its_attempt_and_not_of_who_has_the_guid_now() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("1", sender_id="1688")), TIMED_OUT)
        await app.accept_text("first")
        unknown = await app.accept_text("lost")
        await app.dispatch()
        await app.application.accounts.unbind(DEFAULT_TENANT, implicit_account_id(GUID), binding_id_of(GUID, PROVIDER))
        await register(app, wecom_user_id="4242")
        echo = a_stream_record(sender="1688", text="lost", marked_own=False)
        await app.receive_callback(stream_record=echo)
        assert (await app.message(unknown)).status is MessageStatus.DELIVERED


async def test_a_user_id_that_a_removed_binding_shows_settles_what_was_uncertain_there() -> None:
    async with InMemoryApp() as app:
        unknown = await app.sent(TIMED_OUT)
        await app.application.accounts.unbind(DEFAULT_TENANT, implicit_account_id(GUID), binding_id_of(GUID, PROVIDER))
        echo = a_stream_record(sender="1688", provider_message_id="4711", marked_own=False)
        await app.receive_callback(stream_record=echo)
        assert (await app.message(unknown)).status is MessageStatus.UNKNOWN
        await app.receive_callback(guid=GUID, notify_type=11003, notice=NoticeKind.ONLINE, wecom_user_id="1688")
        await app.projector.project_pending()
        assert (await app.message(unknown)).status is MessageStatus.DELIVERED


async def test_a_conversation_is_marked_as_read_in_the_account_that_a_send_by_its_guid_would_use() -> None:
    async with InMemoryApp() as app:
        await register(app, a_binding(code=BACKUP))
        support = (await register(app, account_id=AccountId("support"))).account_id
        instances = dict.fromkeys((PROVIDER, BACKUP), InstancePolicy(mark_read=True))
        admins = {code: MemoryInstanceGateway(app.clock) for code in (PROVIDER, BACKUP)}
        mark_read = MarkReadHandler(dataclasses.replace(app.policy, instances=instances), app.units, admins)
        marked = await mark_read(MarkRead(DEFAULT_TENANT, CONVERSATION, GUID))
        assert (marked.binding.account_id, marked.binding.provider_code) == (support, PROVIDER)


async def test_an_instance_is_set_up_once_it_is_bound() -> None:
    async with InMemoryApp() as app:
        set_up: list[list[Guid]] = []
        registry = dataclasses.replace(
            app.application.accounts,
            configure=lambda bindings: set_up.append([binding.guid for binding in bindings]),
        )
        await registry.register(DEFAULT_TENANT, SALES, AccountSettings(), [a_binding()])
        await registry.bind(DEFAULT_TENANT, SALES, a_binding(SPARE))
        with pytest.raises(TakenError):
            await registry.register(DEFAULT_TENANT, None, AccountSettings(), [a_binding(SPARE)])
        assert set_up == [[GUID], [SPARE]]


async def test_a_change_of_the_account_that_lost_its_guid_leaves_the_new_owners_calls_alone() -> None:
    async with InMemoryApp() as app:
        registry, old = app.application.accounts, implicit_account_id(GUID)
        await app.accept_text()
        await app.dispatch()
        late = await app.accept_text("late", to="S:9", scheduled_at=app.clock.now() + 20_000)
        await registry.unbind(DEFAULT_TENANT, old, binding_id_of(GUID, PROVIDER))
        await register(app)
        await app.pass_time(21_000)
        assert (
            await app.message(late)
        ).status is MessageStatus.SENT  # through the instance that another account has now
        await registry.change(DEFAULT_TENANT, old, AccountSettings(enabled=False))
        message_id = await app.accept_text(guid=None, account_id=SALES, to="S:10")
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.SENT
