"""Pools as senders: one of the accounts begins a conversation, and keeps it (M-5, ADR 50)."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.guxing_contents import CONTENTS
from tests.support.builders.messages import BACKUP, NOW, PROVIDER, a_draft

from wework_message.adapters.memory.database import ChoiceRow
from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.accounts import pools as pools_module
from wework_message.application.accounts.pools import BEGUN_MS
from wework_message.application.control.change_pauses import PausePlace
from wework_message.application.dispatch.route_requests import size_of
from wework_message.application.errors import AccountDisabledError, NoCapabilityError, UnknownNameError
from wework_message.application.policy import Policy
from wework_message.domain.account import Account, Binding, BindingState
from wework_message.domain.content import Content, LocationContent, TextContent
from wework_message.domain.control import PauseScope
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.pools import PoolChoice, PoolMember, first_of_pool
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.routing.filters import RouteRequest
from wework_message.domain.routing.provider import Capabilities

POOL = "sales"
LOCATION = LocationContent(longitude=113.2, latitude=23.1, location_title="tower")


def register(app: InMemoryApp, *names: str, **changes: Any) -> None:
    for name in names:
        account = dataclasses.replace(Account(AccountId(name), pools=(POOL,), version=1), **changes)
        app.database.register(account, Binding(BindingId(f"b-{name}"), account.account_id, PROVIDER, Guid(f"g-{name}")))


async def sender(app: InMemoryApp, to: str = "R:1", **changes: Any) -> str:
    message_id = await app.accept_text(guid=None, pool=POOL, to=to, **changes)
    return str((await app.message(message_id)).account_id)


async def test_a_conversation_keeps_its_account_also_after_a_restart() -> None:
    async with InMemoryApp() as app:
        register(app, "a", "b", "c")
        first = {f"R:{room}": await sender(app, f"R:{room}") for room in range(9)}
        assert {*first.values()} == {"a", "b", "c"}
        await app.restart()
        assert {to: await sender(app, to) for to in first} == first
        await app.dispatch()
        assert {call.guid for call in app.gateway.executed} == {"g-a", "g-b", "g-c"}


async def test_accounts_that_are_offline_begin_nothing_and_keep_what_they_began() -> None:
    async with InMemoryApp() as app:
        register(app, "a")
        assert await sender(app, "R:1") == "a"
        register(app, "b")
        app.clock.advance(5_000)
        app.board.binding_state(BindingId("b-a"), ClientState.OFFLINE, app.clock.now())
        assert [await sender(app, f"R:{room}") for room in range(2, 6)] == ["b"] * 4
        assert await sender(app, "R:1") == "a"


async def test_a_conversation_goes_to_another_account_where_its_own_is_switched_off() -> None:
    async with InMemoryApp() as app:
        register(app, "a")
        assert await sender(app) == "a"
        register(app, "a", enabled=False, version=2)
        register(app, "b")
        app.clock.advance(5_000)
        assert await sender(app) == "b"
        register(app, "a", version=3)
        app.clock.advance(5_000)
        assert await sender(app) == "b"


async def test_a_process_that_is_too_late_takes_what_another_one_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process commits between the choice and the transaction that stores it."""
    async with InMemoryApp() as app:
        register(app, "a", "b")
        resolve = app.use_cases.senders().pools.sender
        chosen = list[str]()

        async def slow(
            tenant_id: TenantId, pool: str, conversation_id: str, requests: Sequence[RouteRequest]
        ) -> tuple[Account, PoolChoice | None]:
            account, choice = await resolve(tenant_id, pool, conversation_id, requests)
            if choice is not None and not chosen:
                chosen.append("b" if account.account_id == "a" else "a")
                app.database.pool_choices.put(choice.key, ChoiceRow(AccountId(chosen[0]), NOW))
                app.database.pool_choices.commit()
            return account, choice

        monkeypatch.setattr(app.use_cases.senders().pools, "sender", slow)
        accepted = await app.accept(a_draft(guid=None, pool=POOL))
        assert accepted.account_id == chosen[0]
        assert app.stored() == 1


async def test_an_unknown_pool_is_refused_and_one_that_is_switched_off() -> None:
    async with InMemoryApp() as app:
        with pytest.raises(UnknownNameError, match="pool"):
            await sender(app)
        register(app, "a", enabled=False)
        app.clock.advance(5_000)
        with pytest.raises(AccountDisabledError, match="pool"):
            await sender(app)
        assert app.stored() == 0


async def test_a_repeat_with_the_same_key_is_the_same_message() -> None:
    async with InMemoryApp() as app:
        register(app, "a", "b")
        draft = a_draft(guid=None, pool=POOL)
        first, again = [await app.accept(draft, key="k") for _ in range(2)]
        assert (again.target, again.duplicate) == (first.target, True)


@pytest.mark.parametrize("names", [{}, {"guid": Guid("g"), "pool": POOL}, {"account_id": AccountId("a"), "pool": POOL}])
def test_a_request_names_one_sender(names: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="exactly one"):
        a_draft(**{"guid": None} | names)


members = st.lists(
    st.builds(
        PoolMember, st.sampled_from([AccountId("a"), AccountId("b")]), st.booleans(), st.integers(1, 9), st.floats(0, 1)
    ),
    min_size=1,
    max_size=5,
)
chance = st.floats(0, 1, exclude_max=True)


@given(members, chance, chance)
def test_nobody_that_is_not_ready_begins_while_another_one_is(
    pool: list[PoolMember], first: float, second: float
) -> None:
    ready = {member.account_id for member in pool if member.ready}
    assert first_of_pool(pool, first, second) in (ready or {member.account_id for member in pool})


def test_of_two_that_are_drawn_the_one_with_more_room_begins() -> None:
    full, free = PoolMember(AccountId("full"), True, 1, 0.1), PoolMember(AccountId("free"), True, 1, 0.9)
    drawn = Counter(first_of_pool([full, free], first / 10, second / 10) for first in range(10) for second in range(10))
    assert drawn == {"free": 75, "full": 25}


def test_the_key_of_a_choice_is_what_can_be_chosen_once() -> None:
    choice = PoolChoice(DEFAULT_TENANT, POOL, "R:1", AccountId("a"))
    assert choice.key == choice._replace(account_id=AccountId("b")).key


async def test_a_conversation_moves_only_by_what_is_known_of_the_pool_now() -> None:
    async with InMemoryApp() as app:
        register(app, "a")
        await sender(app, "R:1")
        register(app, "b")  # in another process, which has begun R:2 with it
        app.database.pool_choices.put((DEFAULT_TENANT, POOL, "R:2"), ChoiceRow(AccountId("b"), NOW))
        assert await sender(app, "R:2") == "b"


async def test_a_paused_account_begins_no_conversation() -> None:
    async with InMemoryApp() as app:
        register(app, "a", "b")
        await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.ACCOUNT, "a"))
        assert {await sender(app, f"R:{room}") for room in range(6)} == {"b"}


TEXT_ONLY, ALL = PROVIDER, BACKUP


def of_unequal_providers(**max_bytes: int) -> Policy:
    """The first provider sends texts alone, the second one everything."""
    known = a_policy().providers
    texts = Capabilities(frozenset({"TEXT"}))
    everything = dataclasses.replace(known[ALL].capabilities, max_bytes=max_bytes)
    return a_policy(
        providers={
            TEXT_ONLY: dataclasses.replace(known[TEXT_ONLY], capabilities=texts),
            ALL: dataclasses.replace(known[ALL], capabilities=everything),
        }
    )


def register_at(app: InMemoryApp, code: ProviderCode, *names: str, **changes: Any) -> None:
    for name in names:
        account = Account(AccountId(name), pools=(POOL,), version=1)
        binding = Binding(BindingId(f"b-{name}"), account.account_id, code, Guid(f"g-{name}"), **changes)
        app.database.register(account, binding)


async def send(app: InMemoryApp, content: Content, to: str = "R:1", **changes: Any) -> Accepted:
    return await app.accept(
        a_draft(guid=None, pool=POOL, content=content, conversation=PEERS_AND_ROOMS.parse(to), **changes)
    )


async def test_an_account_that_cannot_send_the_type_begins_no_conversation_with_it() -> None:
    async with InMemoryApp(policy=of_unequal_providers()) as app:
        register_at(app, TEXT_ONLY, "t1", "t2", "t3")
        register_at(app, ALL, "all", state=BindingState.OFFLINE)
        assert {(await send(app, LOCATION, f"R:{room}")).account_id for room in range(8)} == {"all"}
        assert {await sender(app, f"R:{room}") for room in range(10, 18)} <= {"t1", "t2", "t3"}


@pytest.mark.parametrize(
    "changes",
    [{"enabled": False}, {"removed": True}, {"provider_code": TEXT_ONLY}],
    ids=["off", "removed", "elsewhere"],
)
async def test_a_type_that_no_account_can_send_is_refused_and_nothing_is_stored(changes: dict[str, Any]) -> None:
    async with InMemoryApp(policy=of_unequal_providers()) as app:
        register_at(app, TEXT_ONLY, "t1")
        options = {"provider_code": changes.pop("provider_code")} if "provider_code" in changes else {}
        register_at(app, ALL, "all", **changes)
        with pytest.raises(NoCapabilityError) as refused:
            await send(app, LOCATION, **options)
        assert (refused.value.path, refused.value.code) == ("pool", "NO_CAPABILITY")
        assert (app.stored(), app.database.pool_choices.committed_items()) == (0, {})


async def test_a_body_that_is_too_large_for_one_account_goes_to_another_one() -> None:
    async with InMemoryApp(policy=of_unequal_providers(TEXT=10)) as app:
        register_at(app, ALL, "a1", "a2", "a3")
        register_at(app, TEXT_ONLY, "t1")
        pools, large = app.use_cases.senders().pools, [RouteRequest("TEXT", size=11)]
        chosen = [(await pools.sender(DEFAULT_TENANT, POOL, f"R:{room}", large))[0] for room in range(8)]
        assert {account.account_id for account in chosen} == {"t1"}


async def test_a_conversation_stays_with_an_account_that_cannot_send_the_type() -> None:
    """Another one would be another person to the customer: the client decides, by naming it."""
    async with InMemoryApp(policy=of_unequal_providers()) as app:
        register_at(app, TEXT_ONLY, "t1")
        assert await sender(app) == "t1"
        register_at(app, ALL, "all")
        app.clock.advance(5_000)
        with pytest.raises(NoCapabilityError, match="the account that has this conversation"):
            await send(app, LOCATION)
        assert (await send(app, LOCATION, "R:2")).account_id == "all"
        assert await sender(app) == "t1"


async def test_the_parts_of_a_group_go_to_an_account_that_can_send_all_of_them() -> None:
    async with InMemoryApp(policy=of_unequal_providers()) as app:
        register_at(app, TEXT_ONLY, "t1", "t2", "t3")
        register_at(app, ALL, "all")
        for room in range(8):
            parts = [
                a_draft(guid=None, pool=POOL, content=content, conversation=PEERS_AND_ROOMS.parse(f"R:{room}"))
                for content in (TextContent(content="hello"), LOCATION)
            ]
            assert (await app.accept(*parts, grouped=True)).account_id == "all"


async def test_in_a_batch_only_what_nobody_can_send_is_refused() -> None:
    async with InMemoryApp(policy=of_unequal_providers()) as app:
        register_at(app, TEXT_ONLY, "t1")
        drafts = [
            a_draft(guid=None, pool=POOL, content=content) for content in (LOCATION, TextContent(content="hello"))
        ]
        batch = await app.accept_batch(*(AcceptMessage(DEFAULT_TENANT, (draft,)) for draft in drafts))
        assert [isinstance(item, NoCapabilityError) for item in batch.items] == [True, False]


async def test_a_choice_that_was_not_stored_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests at the same time get the same account; later ones choose by what is known then."""
    async with InMemoryApp() as app:
        register(app, "a", "b", "c")
        pools = app.use_cases.senders().pools
        requests = [RouteRequest("TEXT")]

        async def begun(conversation_id: str) -> str:
            account, _ = await pools.sender(DEFAULT_TENANT, POOL, conversation_id, requests)
            return account.account_id

        first = await begun("R:1")
        app.clock.advance(BEGUN_MS - 1)
        assert await begun("R:1") == first
        app.board.binding_state(BindingId(f"b-{first}"), ClientState.OFFLINE, app.clock.now())
        assert await begun("R:1") == first
        app.clock.advance(1)
        assert await begun("R:1") != first
        monkeypatch.setattr(pools_module, "MAX_BEGUN", 3)
        for room in range(10):
            await begun(f"R:{room}")
        assert len(pools._begun) == 3


async def test_an_account_whose_provider_is_paused_begins_no_conversation_while_another_one_can() -> None:
    async with InMemoryApp() as app:
        register_at(app, PROVIDER, "paused")
        register_at(app, BACKUP, "other")
        await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.PROVIDER, PROVIDER))
        assert {await sender(app, f"R:{room}") for room in range(6)} == {"other"}


async def test_an_account_that_can_send_a_part_of_a_group_now_is_not_ready_for_all_of_it() -> None:
    async with InMemoryApp(policy=of_unequal_providers()) as app:
        account = Account(AccountId("half"), pools=(POOL,), version=1)
        texts = Binding(BindingId("half-texts"), account.account_id, TEXT_ONLY, Guid("g-half-texts"))
        away = Binding(BindingId("half-all"), account.account_id, ALL, Guid("g-half-all"), state=BindingState.OFFLINE)
        app.database.register(account, texts, away)
        register_at(app, ALL, "all")
        for room in range(8):
            parts = [
                a_draft(guid=None, pool=POOL, content=content, conversation=PEERS_AND_ROOMS.parse(f"R:{room}"))
                for content in (TextContent(content="hello"), LOCATION)
            ]
            assert (await app.accept(*parts, grouped=True)).account_id == "all"


async def test_the_share_of_an_account_is_that_of_what_can_send_the_type() -> None:
    async with InMemoryApp(policy=of_unequal_providers()) as app:
        account = Account(AccountId("heavy"), pools=(POOL,), version=1)
        texts = Binding(BindingId("heavy-texts"), account.account_id, TEXT_ONLY, Guid("g-texts"), weight=1_000)
        everything = Binding(BindingId("heavy-all"), account.account_id, ALL, Guid("g-all"), weight=10)
        app.database.register(account, texts, everything)
        register_at(app, ALL, "light", weight=10)
        begun = Counter([str((await send(app, LOCATION, f"R:{room}")).account_id) for room in range(20)])
        assert min(begun["heavy"], begun["light"]) >= 5


async def test_the_size_of_what_is_asked_counts() -> None:
    async with InMemoryApp(policy=of_unequal_providers(FILE=10)) as app:
        register_at(app, ALL, "all")
        file = CONTENTS["file_big"]
        assert size_of(file)
        with pytest.raises(NoCapabilityError):
            await send(app, file)
