"""Fair shares of the calls in flight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.ids import AccountId, ProviderCode
from wework_message.domain.routing.shares import MAX_ACCOUNTS, UNEVEN, OpenCalls, Turn, room

FIRST, SECOND, THIRD = ProviderCode("first"), ProviderCode("second"), ProviderCode("third")
QUIET = AccountId("quiet")

SLOTS = st.integers(1, 400)
PROVIDERS = st.integers(1, 4)
ACCOUNTS = st.lists(st.sampled_from([AccountId(f"a{number}") for number in range(12)]), max_size=60)


def filled(calls: OpenCalls, account_id: AccountId, provider_code: ProviderCode, most: int = 1_000) -> OpenCalls:
    """With as many calls of this account as it may have, none of which ends."""
    for _ in range(most):
        if calls.room(account_id, provider_code) == 0:
            return calls
        calls = calls.started(account_id, provider_code)
    return calls


@given(free=st.integers(0, 400), own=st.integers(0, 400))
def test_room_is_never_more_than_is_free_and_leaves_as_much_as_is_taken(free: int, own: int) -> None:
    more = room(free, own)
    assert 0 <= more <= free
    if more > 0:
        assert own + more <= free - more + 1


@given(free=st.integers(1, 400))
def test_who_has_nothing_open_may_always_start_one_while_something_is_free(free: int) -> None:
    assert room(free, 0) >= 1
    assert room(0, 0) == 0


@pytest.mark.parametrize(
    ("slots", "providers", "most"),
    [(50, 1, 25), (50, 2, 13), (50, 10, 13), (200, 1, 100), (200, 2, 50), (2, 1, 1), (1, 1, 1), (1, 2, 1), (1, 3, 1)],
)
def test_a_lone_account_gets_its_share_of_an_idle_process(slots: int, providers: int, most: int) -> None:
    assert filled(OpenCalls(slots, providers), AccountId("a"), FIRST).by_account == {"a": most}


@given(slots=SLOTS, providers=PROVIDERS, accounts=ACCOUNTS)
def test_the_cap_of_the_process_and_of_each_provider_holds(
    slots: int, providers: int, accounts: list[AccountId]
) -> None:
    calls = OpenCalls(slots, providers)
    for account_id in accounts:
        calls = filled(calls, account_id, FIRST)
    assert sum(calls.by_account.values()) == slots - calls.free <= slots
    assert sum(calls.by_provider.values()) == sum(calls.by_account.values())
    if providers > 1:
        assert calls.by_provider.get(FIRST, 0) <= (slots + 1) // 2


@given(slots=st.integers(2, 400), accounts=ACCOUNTS)
def test_a_provider_that_hangs_leaves_half_to_the_other(slots: int, accounts: list[AccountId]) -> None:
    calls = OpenCalls(slots, providers=2)
    for account_id in accounts:
        calls = filled(calls, account_id, FIRST)
    assert calls.free >= slots // 2
    assert calls.room(QUIET, SECOND) >= 1
    assert calls.room_at(SECOND) >= min(slots // 2, OpenCalls(slots, providers=2).room_at(SECOND))


@given(slots=st.integers(2, 400), providers=st.integers(3, 12), accounts=ACCOUNTS)
def test_two_providers_that_hang_leave_a_part_to_a_third_one(
    slots: int, providers: int, accounts: list[AccountId]
) -> None:
    calls = OpenCalls(slots, providers)
    for provider_code in (FIRST, SECOND):
        for account_id in accounts:
            calls = filled(calls, account_id, provider_code)
    kept = slots // (2 * providers)
    assert calls.free >= kept * (providers - 2)
    assert calls.room_at(THIRD) >= min(max(kept, 1), calls.free)


@given(slots=st.integers(2, 400), providers=PROVIDERS, hanging=st.integers(1, 3))
def test_accounts_that_hang_leave_room_to_one_at_the_same_provider(slots: int, providers: int, hanging: int) -> None:
    calls = OpenCalls(slots, providers)
    share = calls.room_at(FIRST)
    for number in range(hanging):
        calls = filled(calls, AccountId(f"a{number}"), FIRST)
    left = share - sum(calls.by_account.values())
    assert left >= share >> hanging
    if left > 0:
        assert calls.room(QUIET, FIRST) >= 1


@given(slots=SLOTS, accounts=ACCOUNTS)
def test_what_ended_gives_its_room_back(slots: int, accounts: list[AccountId]) -> None:
    empty = calls = OpenCalls(slots, providers=2)
    for account_id in accounts:
        calls = calls.started(account_id, FIRST)
    for account_id in accounts:
        calls = calls.ended(account_id, FIRST)
    assert calls == empty


TURNS = st.builds(
    Turn,
    after=st.none() | st.sampled_from(["", "a3", "a77", "z"]).map(AccountId),
    without=st.frozensets(st.integers(0, 99).map(lambda number: AccountId(f"a{number}")), max_size=5),
    open_calls=st.none()
    | st.builds(
        OpenCalls,
        slots=SLOTS,
        by_account=st.dictionaries(
            st.integers(0, 9).map(lambda number: AccountId(f"a{number}")), st.integers(1, 40), max_size=5
        ),
    ),
)
DUE = st.sets(st.integers(0, 99).map(lambda number: AccountId(f"a{number}")), max_size=100)


@given(turn=TURNS, due=DUE, limit=st.integers(0, 300))
def test_a_claim_is_split_into_equal_parts_within_every_cap(turn: Turn, due: set[AccountId], limit: int) -> None:
    shares = turn.split(due, limit)
    assert sum(shares.values()) <= limit
    assert shares.keys() <= due - turn.without
    assert len(shares) <= MAX_ACCOUNTS
    assert all(share >= 1 for share in shares.values())
    if turn.open_calls is None:
        assert max(shares.values(), default=0) - min(shares.values(), default=0) <= 1
        assert sum(shares.values()) == (limit if due - turn.without else 0)
    else:
        free, own = turn.open_calls.free, turn.open_calls.by_account
        assert all(share <= room(free, own.get(account_id, 0)) for account_id, share in shares.items())


@given(due=DUE.filter(bool), limit=st.integers(1, 20))
def test_nobody_starves_every_account_gets_a_turn_before_any_gets_two_more(due: set[AccountId], limit: int) -> None:
    turn, reached = Turn(), set[AccountId]()
    for _ in range(-(-len(due) // min(limit, MAX_ACCOUNTS))):
        shares = turn.split(due, limit)
        reached |= shares.keys()
        turn = Turn(after=turn.last_of(shares))
    assert reached == due


@given(
    turn=TURNS,
    counts=st.dictionaries(st.integers(0, 9).map(lambda number: AccountId(f"a{number}")), st.integers(1, 60)),
)
def test_a_claim_by_age_is_even_where_no_account_has_more_than_its_share(
    turn: Turn, counts: dict[AccountId, int]
) -> None:
    accounts = [account_id for account_id, count in counts.items() for _ in range(count)]
    limit = len(accounts)
    free, own = (limit, {}) if turn.open_calls is None else (turn.open_calls.free, turn.open_calls.by_account)
    largest = {
        account_id: limit if turn.open_calls is None else room(free, own.get(account_id, 0)) for account_id in counts
    }
    part = UNEVEN * -(-limit // max(1, len(counts)))
    expected = not counts.keys() & turn.without and all(
        count <= min(part, largest[account_id]) for account_id, count in counts.items()
    )
    assert turn.is_even(accounts, limit) is expected


def test_what_is_even() -> None:
    loud, quiet, idle = AccountId("loud"), AccountId("quiet"), Turn(open_calls=OpenCalls(20))
    assert idle.is_even([], 20)
    assert idle.is_even([loud, quiet] * 10, 20)
    assert not idle.is_even([loud] * 11, 20)
    assert not Turn().is_even([loud] * 21 + [quiet] * 3, 20)
    assert not Turn(without=frozenset({quiet})).is_even([loud, quiet], 20)
