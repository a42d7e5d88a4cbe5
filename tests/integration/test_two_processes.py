"""Two processes on one database: one activation of an account at a time, one account for a pool's conversation, one event of an account."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.apps.sql_process import SqlProcess, running
from tests.support.builders.messages import BACKUP, NOW, PROVIDER, a_draft, an_item
from tests.support.mysql import EmptyDatabase, opened_store
from tests.support.sqlite import migrated_store

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.application.callbacks.notices import InstanceNotices
from wework_message.application.commit.scope import CommitScope
from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.domain.account import Account, Binding, NotActivatableError, Standby
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.gateway import ClientState, NoticeKind
from wework_message.domain.routing.filters import RouteRequest
from wework_message.domain.webhooks.event import EventType

ACCOUNT = AccountId("sales")
HOLDER = Binding(BindingId("holder"), ACCOUNT, PROVIDER, Guid("at-holder"), device_slot="MAC")
SPARE = Binding(BindingId("spare"), ACCOUNT, PROVIDER, Guid("at-spare"), Standby.WARM, device_slot="MAC")
POOL = "north"

Two = tuple[SqlProcess, SqlProcess]


@asynccontextmanager
async def two_on(first: Store, second: Store) -> AsyncIterator[Two]:
    """Their random numbers differ."""
    clock = SettableClock(NOW)
    gateways: dict[ProviderCode, MemoryGateway] = {PROVIDER: MemoryInstanceGateway(clock), BACKUP: MemoryGateway(clock)}
    two = (
        SqlProcess("first", first, clock, gateways, chance=0.1),
        SqlProcess("second", second, clock, gateways, chance=0.9),
    )
    async with running(*two):
        yield two


@pytest.fixture
async def two_on_sqlite(tmp_path: Path) -> AsyncIterator[Two]:
    path = tmp_path / "wework-message.db"
    first, second = await migrated_store(path), SqliteStore(path)
    async with two_on(first, second) as two:
        yield two
    for store in (first, second):
        await store.close()


@pytest.fixture
async def two_on_mariadb(migrated: EmptyDatabase) -> AsyncIterator[Two]:
    async with (
        opened_store(migrated.target, server_clock=False) as first,
        opened_store(migrated.target, server_clock=False) as second,
        two_on(first, second) as two,
    ):
        yield two


@pytest.fixture(params=["two_on_sqlite", pytest.param("two_on_mariadb", marks=pytest.mark.services)])
def two(request: pytest.FixtureRequest) -> Two:
    processes: Two = request.getfixturevalue(request.param)
    return processes


async def test_a_switch_by_hand_and_the_loop_of_another_process_do_not_cross(two: Two) -> None:
    by_hand, other = two
    await registered(by_hand, HOLDER, SPARE)
    seen = list[int]()

    async def meanwhile(seconds: float) -> None:
        """The holder has left its slot: to the other process the account has nothing to send through."""
        by_hand.clock.advance(round(seconds * 1000))
        seen.append(len(logins(other)))
        other.use_cases.stranded().note(DEFAULT_TENANT, ACCOUNT)
        await other.use_cases.standbys().round()
        with pytest.raises(NotActivatableError, match="already"):
            await other.use_cases.activate()(DEFAULT_TENANT, ACCOUNT, HOLDER.binding_id)

    by_hand.use_cases.activate()._pause = meanwhile
    await by_hand.use_cases.activate()(DEFAULT_TENANT, ACCOUNT, SPARE.binding_id, demote=True)
    assert seen == [0]
    assert logins(by_hand) == [SPARE.guid]
    assert await standbys(other) == {"spare": Standby.HOT, "holder": Standby.WARM}
    # The lease is given back, and the other process sees that nothing is left to do.
    other.use_cases.stranded().note(DEFAULT_TENANT, ACCOUNT)
    await other.use_cases.standbys().round()
    await other.use_cases.activate()(DEFAULT_TENANT, ACCOUNT, HOLDER.binding_id, demote=True)
    assert await standbys(by_hand) == {"spare": Standby.WARM, "holder": Standby.HOT}
    assert other.observer.standby_events == []


async def test_while_the_loop_of_one_process_activates_nobody_does_so_by_hand_in_another_one(two: Two) -> None:
    looping, by_hand = two
    await registered(looping, HOLDER, SPARE)
    looping.board.binding_state(HOLDER.binding_id, ClientState.OFFLINE, looping.clock.now())
    refused = list[str]()

    async def meanwhile(seconds: float) -> None:
        looping.clock.advance(round(seconds * 1000))
        with pytest.raises(NotActivatableError) as info:
            await by_hand.use_cases.activate()(DEFAULT_TENANT, ACCOUNT, HOLDER.binding_id, demote=True)
        refused.append(str(info.value))

    looping.use_cases.activate()._pause = meanwhile
    looping.use_cases.stranded().note(DEFAULT_TENANT, ACCOUNT)
    await looping.use_cases.standbys().round()
    assert refused == ["a binding of the account is being activated already"]
    assert logins(looping) == [SPARE.guid]
    assert await standbys(by_hand) == {"spare": Standby.HOT, "holder": Standby.WARM}


async def test_two_processes_that_choose_from_a_pool_at_once_give_a_conversation_one_account(two: Two) -> None:
    for name in ("a", "b"):
        account_id = AccountId(name)
        binding = Binding(BindingId(name), account_id, PROVIDER, Guid(f"at-{name}"))
        await registered(two[0], binding, account=Account(account_id, pools=(POOL,), version=1))
    chosen: list[set[AccountId]] = []
    for number in range(4):
        both_have_chosen, choices = asyncio.Barrier(2), set[AccountId]()
        for process in two:
            wait_for_the_other(process, both_have_chosen, choices)
        draft = a_draft(guid=None, pool=POOL, conversation=PEERS_AND_ROOMS.parse(f"S:{number}"))
        accepted = await asyncio.gather(*(process.accept(draft) for process in two))
        assert len({answer.account_id for answer in accepted}) == 1
        for process in two:
            accounts = process.use_cases.storage().accounts
            assert await accounts.chosen(DEFAULT_TENANT, POOL, f"S:{number}") == accepted[0].account_id
        chosen.append(choices)
    assert {"a", "b"} in chosen, "they never wanted different ones: nothing was at stake"


async def test_what_two_processes_see_at_once_is_told_once(two: Two) -> None:
    await registered(two[0], HOLDER)
    webhooks = two[0].application.webhooks
    endpoint = await webhooks.create(
        DEFAULT_TENANT, "https://shop.example.com/", (EventType.ACCOUNT_ONLINE, EventType.ACCOUNT_OFFLINE)
    )
    for online in (True, False, True):
        await asyncio.gather(
            *(
                BindingStates(process.use_cases.commits(), process.clock).store(HOLDER.binding_id, online=online)
                for process in two
            )
        )
    recorded = await two[1].application.read_webhooks.deliveries(DEFAULT_TENANT, endpoint.id, limit=9, before=None)
    assert sorted((delivery.sequence, delivery.type) for delivery in recorded) == [
        (1, "account.online"),
        (2, "account.offline"),
        (3, "account.online"),
    ]


async def test_a_login_that_is_applied_while_an_older_one_is_looked_at_wins(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(two[0], HOLDER)
    item = an_item(guid=HOLDER.guid, notify_type=11003, notice=NoticeKind.ONLINE, wecom_user_id="older")
    notices = [InstanceNotices(process.board, process.clock, ask_nobody) for process in two]

    async def apply_newer() -> None:
        async with two[1].use_cases.units()() as unit:
            newer = dataclasses.replace(item, wecom_user_id="newer")
            await notices[1](CommitScope(unit), newer, HOLDER, NOW + 1)
            await unit.commit()

    async with two[0].use_cases.units()() as unit:
        await unit.accounts.observe(HOLDER.binding_id, online=True)  # so that neither login changes the state
        await unit.commit()
    async with two[0].use_cases.units()() as unit:
        has_newer, begun = unit.inbox.has_newer, list[asyncio.Task[None]]()

        async def has_newer_and_then_comes_one(*looked_at: Any) -> bool:
            answer = await has_newer(*looked_at)
            begun.append(asyncio.create_task(apply_newer()))
            await asyncio.wait(begun, timeout=0.2)  # it waits for this transaction; else it would end now
            return answer

        monkeypatch.setattr(unit.inbox, "has_newer", has_newer_and_then_comes_one)
        await notices[0](CommitScope(unit), item, HOLDER, NOW)
        await unit.commit()
    await asyncio.gather(*begun)
    stored = await two[0].use_cases.storage().accounts.account(DEFAULT_TENANT, ACCOUNT)
    assert stored is not None
    assert stored[0].wecom_user_id == "newer"


def ask_nobody() -> None:
    """No provider is asked."""


def wait_for_the_other(process: SqlProcess, both_have_chosen: asyncio.Barrier, choices: set[AccountId]) -> None:
    """No process stores its first choice before the other one has chosen: each has read that nobody has the conversation."""
    pools = process.use_cases.senders().pools
    choose = type(pools).sender
    begun = False

    async def sender(
        tenant_id: TenantId, pool: str, conversation_id: str, requests: Sequence[RouteRequest]
    ) -> tuple[Account, PoolChoice | None]:
        nonlocal begun
        account, choice = await choose(pools, tenant_id, pool, conversation_id, requests)
        if not begun:
            begun = True
            assert choice is not None
            choices.add(account.account_id)
            await both_have_chosen.wait()
        return account, choice

    pools.sender = sender  # type: ignore[method-assign]  # its own answer, held back


async def registered(process: SqlProcess, *bindings: Binding, account: Account | None = None) -> None:
    """Changed long ago."""
    account = account or Account(ACCOUNT, version=1)
    async with process.use_cases.units()() as unit:
        await unit.accounts.save(dataclasses.replace(account, updated_at=NOW - 3_600_000), bindings)
        await unit.commit()


async def standbys(process: SqlProcess) -> dict[str, Standby]:
    entry = await process.use_cases.storage().accounts.account(DEFAULT_TENANT, ACCOUNT)
    assert entry is not None
    return {binding.binding_id: binding.standby for binding in entry[1]}


def logins(process: SqlProcess) -> list[Guid]:
    gateway = process.use_cases.gateways().send[PROVIDER]
    assert isinstance(gateway, MemoryInstanceGateway)
    return gateway.logins
