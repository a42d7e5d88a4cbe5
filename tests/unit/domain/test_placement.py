"""Which provider gets a new account, and what a call that makes an instance proves (ADR 51)."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import BACKUP, PROVIDER, an_outcome

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, PlacementId, ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.placement import (
    FullError,
    Host,
    NoRoom,
    Placement,
    UnplaceableError,
    vain,
    was_not_made,
    with_most_room,
)
from wework_message.domain.routing.provider import Capabilities, Provider

PLACEMENT: Final = Placement(PlacementId("p"), DEFAULT_TENANT, AccountId("sales"), PROVIDER, 1_000_000)


def a_host(
    code: ProviderCode = PROVIDER, accounts: int = 0, *, known: dict[str, Any] | None = None, **settings: Any
) -> Host:
    return Host(Provider(code, code, Capabilities(frozenset()), **settings), accounts, **known or {})


def chosen(*hosts: Host, **changes: Any) -> ProviderCode:
    return with_most_room(hosts, **changes).code


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (a_host(PROVIDER, 7, max_accounts=10), a_host(BACKUP, 0, max_accounts=2)),
        (a_host(PROVIDER, 7), a_host(BACKUP, 0, max_accounts=100)),
        (a_host(PROVIDER, 3), a_host(BACKUP, 4)),
        (a_host(PROVIDER, 3, priority=1), a_host(BACKUP, 3, priority=2)),
        (a_host(PROVIDER, 8, max_accounts=10, priority=1), a_host(BACKUP, 0, max_accounts=2, priority=2)),
        (a_host(PROVIDER, 3, weight=200), a_host(BACKUP, 3, weight=100)),
        (a_host(PROVIDER, 0), a_host(BACKUP, 0, enabled=False)),
        (a_host(PROVIDER, 9), a_host(BACKUP, known={"able": False})),
        (a_host(PROVIDER, 9), a_host(BACKUP, known={"paused": True})),
        (a_host(PROVIDER, 9), a_host(BACKUP, known={"throttled": True})),
        (a_host(PROVIDER, 9), a_host(BACKUP, known={"answering": False})),
    ],
)  # fmt: skip
def test_the_most_room_wins_then_priority_then_weight(first: Host, second: Host) -> None:
    assert chosen(first, second) == chosen(second, first) == PROVIDER


def test_equal_providers_are_told_apart_by_their_codes() -> None:
    assert chosen(a_host(PROVIDER), a_host(BACKUP)) == min(PROVIDER, BACKUP)


def test_a_request_may_name_its_provider_and_what_was_tried_in_vain_is_left_out() -> None:
    first, second = a_host(PROVIDER), a_host(BACKUP, 5)
    assert chosen(first, second, only=BACKUP) == BACKUP
    assert chosen(first, second, without={PROVIDER: NoRoom.REFUSED}) == BACKUP


def test_a_refusal_names_every_provider_with_its_reason() -> None:
    hosts = [
        a_host(ProviderCode("A"), enabled=False),
        a_host(ProviderCode("B"), known={"able": False}),
        a_host(ProviderCode("C"), known={"paused": True}),
    ]
    with pytest.raises(UnplaceableError, match="A OTHER_PROVIDER, B UNABLE, C OTHER_PROVIDER") as unplaceable:
        with_most_room(hosts, only=ProviderCode("B"))
    assert (unplaceable.value.code, unplaceable.value.path) == ("NO_CAPABILITY", "place")
    with pytest.raises(UnplaceableError, match="none is configured"):
        with_most_room([])
    full = a_host(ProviderCode("D"), 2, max_accounts=2)
    with pytest.raises(FullError, match="A DISABLED, D FULL") as error:
        with_most_room([hosts[0], full])
    assert (error.value.code, error.value.path) == ("ILLEGAL_STATE", "place")
    with pytest.raises(UnavailableError, match="C PAUSED, D FULL"):
        with_most_room([hosts[2], full])
    with pytest.raises(UnavailableError, match="C THROTTLED"):
        with_most_room([a_host(ProviderCode("C"))], without={ProviderCode("C"): NoRoom.THROTTLED})


HOSTS: Final = st.lists(
    st.builds(
        lambda code, accounts, limit, priority, weight, enabled, known: a_host(
            ProviderCode(code), accounts, max_accounts=limit, priority=priority, weight=weight, enabled=enabled, known=known
        ),
        st.sampled_from("ABCDE"), st.integers(0, 4), st.none() | st.integers(0, 4), st.integers(0, 2), st.integers(1, 3),
        st.booleans(), st.fixed_dictionaries({name: st.booleans() for name in ("able", "paused", "throttled", "answering")}),
    ),
    max_size=5, unique_by=lambda host: host.provider.code,
)  # fmt: skip


def takes(host: Host) -> bool:
    fine = host.provider.enabled and host.able and host.answering and not host.paused and not host.throttled
    return fine and (host.provider.max_accounts is None or host.accounts < host.provider.max_accounts)


@given(hosts=HOSTS, random=st.randoms())
def test_the_choice_takes_the_account_has_the_most_room_and_depends_on_no_order(hosts: list[Host], random: Any) -> None:
    able = [host for host in hosts if takes(host)]
    if not able:
        with pytest.raises((UnplaceableError, FullError, UnavailableError)):
            with_most_room(hosts)
        return
    code = chosen(*hosts)
    (choice,) = [host for host in able if host.provider.code == code]
    assert choice.room == max(host.room for host in able)
    random.shuffle(hosts)
    assert chosen(*hosts) == code


@given(hosts=HOSTS, places=st.integers(1, 20))
def test_accounts_are_spread_until_all_are_full_and_no_limit_is_exceeded(hosts: list[Host], places: int) -> None:
    """Unlimited providers end level, as far as they did not begin apart."""
    able = [host for host in hosts if takes(host)]
    counts = {host.provider.code: host.accounts for host in hosts}
    for _ in range(places):
        try:
            code = chosen(*(host._replace(accounts=counts[host.provider.code]) for host in hosts))
        except (FullError, UnavailableError, UnplaceableError):
            assert not any(takes(host._replace(accounts=counts[host.provider.code])) for host in hosts)
            break
        counts[code] += 1
    for host in able:
        limit = host.provider.max_accounts
        assert limit is None or counts[host.provider.code] <= limit
    unlimited = [host for host in able if host.provider.max_accounts is None]
    grown = [counts[host.provider.code] for host in unlimited if counts[host.provider.code] > host.accounts]
    assert not grown or max(grown) - min(counts[host.provider.code] for host in unlimited) <= 1


@pytest.mark.parametrize(
    ("kind", "confirmed", "reason"),
    [
        (OutcomeClass.NOT_SENT, True, NoRoom.NOT_ANSWERING),
        (OutcomeClass.THROTTLED, True, NoRoom.THROTTLED),
        (OutcomeClass.REFUSED_PERMANENT, True, NoRoom.REFUSED),
        (OutcomeClass.REFUSED_CAPABILITY, True, NoRoom.REFUSED),
    ],
)
def test_what_is_proven_not_to_be_made_may_be_made_elsewhere(
    kind: OutcomeClass, confirmed: bool, reason: NoRoom
) -> None:
    outcome = an_outcome(kind, confirmed=confirmed)
    assert was_not_made(outcome)
    assert vain(outcome) is reason


@pytest.mark.parametrize(
    ("kind", "confirmed"),
    [(OutcomeClass.UNCERTAIN, True), (OutcomeClass.ACCEPTED, True), (OutcomeClass.REFUSED_PERMANENT, False)],
)
def test_a_lost_answer_and_a_code_that_nobody_knows_prove_nothing(kind: OutcomeClass, confirmed: bool) -> None:
    assert not was_not_made(an_outcome(kind, confirmed=confirmed))


def test_a_placement_may_be_under_way_for_as_long_as_its_call_takes_by_either_clock() -> None:
    at = PLACEMENT.started_at
    assert [PLACEMENT.may_be_under_way(at + after, 100) for after in (-100, -99, 0, 99, 100)] == [
        False, True, True, True, False,
    ]  # fmt: skip
