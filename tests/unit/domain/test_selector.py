from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.account import Binding, BindingState, Standby
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.routing.breaker import Passage
from wework_message.domain.routing.filters import may_ever_take
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.routing.selector import (
    Candidate,
    Choice,
    Exclusion,
    ProviderSelector,
    Refusal,
    RefusalKind,
    RouteHealth,
    RouteRequest,
    draw,
)

SELECTOR = ProviderSelector()
TEXT = RouteRequest("TEXT")
CAPABILITIES = Capabilities(frozenset({"TEXT", "FILE"}), {"FILE": 100})


def candidate(
    name: str,
    health: RouteHealth | None = None,
    *,
    provider: str = "ALPHA",
    priority: int = 1,
    provider_priority: int = 1,
    weight: int = 1,
    standby: Standby = Standby.HOT,
    state: BindingState = BindingState.ONLINE,
    enabled: bool = True,
    provider_enabled: bool = True,
    fenced: bool = False,
) -> Candidate:
    code = ProviderCode(provider)
    return Candidate(
        Binding(
            BindingId(name),
            AccountId("acme"),
            code,
            Guid(f"g-{name}"),
            standby,
            priority,
            weight,
            enabled=enabled,
            state=state,
        ),
        Provider(code, provider, CAPABILITIES, priority=provider_priority, weight=1, enabled=provider_enabled),
        health or RouteHealth(),
        fenced,
    )


def chosen(request: RouteRequest, *candidates: Candidate) -> tuple[str, str]:
    route = SELECTOR.choose(request, candidates)
    assert isinstance(route, Choice)
    assert route.decision.chosen == route.binding.binding_id
    return route.binding.binding_id, route.decision.reason


def refused(request: RouteRequest, *candidates: Candidate) -> Refusal:
    route = SELECTOR.choose(request, candidates)
    assert isinstance(route, Refusal)
    return route


OFFLINE = RouteHealth(state=BindingState.OFFLINE)
SHUT = RouteHealth(provider=Passage.SHUT)
BUSY = RouteHealth(throttled_ms=700)

DROPS = [
    (candidate("b"), RouteRequest("TEXT", pin=BindingId("other")), Exclusion.PINNED_ELSEWHERE, RefusalKind.NO_BINDING),
    (
        candidate("b"),
        RouteRequest("TEXT", provider_code=ProviderCode("BETA")),
        Exclusion.OTHER_PROVIDER,
        RefusalKind.NO_BINDING,
    ),
    (candidate("b", enabled=False), TEXT, Exclusion.DISABLED, RefusalKind.NO_BINDING),
    (candidate("b", provider_enabled=False), TEXT, Exclusion.DISABLED, RefusalKind.NO_BINDING),
    (candidate("b"), RouteRequest("VOICE"), Exclusion.TYPE_NOT_SUPPORTED, RefusalKind.NO_CAPABILITY),
    (candidate("b"), RouteRequest("FILE", size=101), Exclusion.TOO_LARGE, RefusalKind.NO_CAPABILITY),
    (
        candidate("b"),
        RouteRequest("TEXT", refused=frozenset({BindingId("b")})),
        Exclusion.REFUSED,
        RefusalKind.NO_CAPABILITY,
    ),
    (candidate("b", standby=Standby.WARM), TEXT, Exclusion.STANDBY, RefusalKind.ALL_OFFLINE),
    (candidate("b", standby=Standby.COLD), TEXT, Exclusion.STANDBY, RefusalKind.ALL_OFFLINE),
    (candidate("b", state=BindingState.OFFLINE), TEXT, Exclusion.OFFLINE, RefusalKind.ALL_OFFLINE),
    (candidate("b", OFFLINE), TEXT, Exclusion.OFFLINE, RefusalKind.ALL_OFFLINE),
    (candidate("b", RouteHealth(suspect=True)), TEXT, Exclusion.SUSPECT, RefusalKind.ALL_OFFLINE),
    (candidate("b", SHUT), TEXT, Exclusion.PROVIDER_BREAKER, RefusalKind.BREAKERS_OPEN),
    (candidate("b", RouteHealth(binding=Passage.SHUT)), TEXT, Exclusion.BINDING_BREAKER, RefusalKind.BREAKERS_OPEN),
    (candidate("b", RouteHealth(type=Passage.SHUT)), TEXT, Exclusion.TYPE_BREAKER, RefusalKind.BREAKERS_OPEN),
    (candidate("b", fenced=True), TEXT, Exclusion.OLD_EPOCH, RefusalKind.ALL_OFFLINE),
    (candidate("b", BUSY), TEXT, Exclusion.THROTTLED, RefusalKind.THROTTLED),
]


@pytest.mark.parametrize(("dropped", "request_", "exclusion", "kind"), DROPS, ids=[row[2] for row in DROPS])
def test_each_filter_drops_with_its_reason(
    dropped: Candidate, request_: RouteRequest, exclusion: Exclusion, kind: RefusalKind
) -> None:
    route = refused(request_, dropped)
    assert (route.kind, route.decision.reason, route.decision.chosen) == (kind, kind.value, None)
    assert [entry.excluded for entry in route.decision.candidates] == [exclusion]
    assert SELECTOR.choose(request_, (dropped, dropped)).decision.candidates == route.decision.candidates * 2


@pytest.mark.parametrize("state", [BindingState.UNKNOWN, BindingState.ONLINE])
def test_a_binding_that_is_not_known_offline_may_send(state: BindingState) -> None:
    assert chosen(TEXT, candidate("b", state=state)) == ("b", "ONLY_CANDIDATE")


def test_what_was_just_observed_outweighs_what_is_stored() -> None:
    back = candidate("b", RouteHealth(state=BindingState.ONLINE), state=BindingState.OFFLINE)
    assert chosen(TEXT, back) == ("b", "ONLY_CANDIDATE")


def test_without_candidates_there_is_no_binding() -> None:
    assert refused(TEXT).kind is RefusalKind.NO_BINDING


def test_the_candidate_that_got_furthest_decides_the_refusal() -> None:
    gone, shut, busy = candidate("gone", OFFLINE), candidate("shut", SHUT), candidate("busy", BUSY)
    off = candidate("off", enabled=False)
    assert refused(TEXT, off, gone).kind is RefusalKind.ALL_OFFLINE
    assert refused(TEXT, gone, shut, off).kind is RefusalKind.BREAKERS_OPEN
    assert refused(TEXT, busy, gone, shut).kind is RefusalKind.THROTTLED


@pytest.mark.parametrize(
    ("request_", "hot"),
    [
        (RouteRequest("FILE", size=101), candidate("hot", provider="BETA")),
        (RouteRequest("FILE", refused=frozenset({BindingId("hot")})), candidate("hot")),
        (RouteRequest("FILE", provider_code=ProviderCode("ALPHA")), candidate("hot", provider="BETA")),
        (RouteRequest("FILE", pin=BindingId("standby")), candidate("hot")),
    ],
)
def test_what_only_a_standby_could_carry_says_so_while_the_account_is_online(
    request_: RouteRequest, hot: Candidate
) -> None:
    able = Provider(ProviderCode("ALPHA"), "ALPHA", Capabilities(frozenset({"FILE"}), {}), priority=1, weight=1)
    standby = candidate("standby", standby=Standby.WARM)._replace(provider=able)
    refusal = refused(request_, hot, standby)
    assert (refusal.kind, refusal.decision.reason) == (RefusalKind.STANDBY_ONLY, "STANDBY_ONLY")
    offline = hot._replace(health=OFFLINE)
    away = candidate("away", OFFLINE)._replace(provider=able)
    assert refused(request_, offline, standby).kind is RefusalKind.ALL_OFFLINE
    if request_.pin is None:
        assert refused(request_, hot, standby, away).kind is RefusalKind.ALL_OFFLINE
    assert refused(RouteRequest("FILE"), standby).kind is RefusalKind.ALL_OFFLINE


def test_throttled_waits_for_the_shortest() -> None:
    longer = candidate("longer", RouteHealth(throttled_ms=9_000))
    assert refused(TEXT, longer, candidate("b", BUSY)).retry_in_ms == 700
    assert refused(TEXT, longer, candidate("gone", OFFLINE)).retry_in_ms == 9_000


PASSING = [
    candidate("offline", OFFLINE), candidate("shut", SHUT), candidate("suspect", RouteHealth(suspect=True)),
    candidate("paused")._replace(paused=True), candidate("warm", standby=Standby.WARM),
]  # fmt: skip


@pytest.mark.parametrize("sibling", PASSING, ids=[sibling.binding.binding_id for sibling in PASSING])
def test_a_sibling_of_a_throttled_one_may_return_where_its_reason_passes(sibling: Candidate) -> None:
    busy, off = candidate("busy", BUSY), candidate("off", enabled=False)
    assert refused(TEXT, busy, off, sibling).sibling_may_return
    assert not refused(TEXT, busy, off, busy).sibling_may_return


@pytest.mark.parametrize(("chance", "chosen_id"), [(0.09, "silent"), (0.1, "loud"), (0.99, "loud")])
def test_a_degraded_one_keeps_a_tenth_of_its_traffic_while_a_sibling_is_there(chance: float, chosen_id: str) -> None:
    request = RouteRequest("TEXT", random_source=(0.0, 0.0, chance))
    silent = candidate("silent", RouteHealth(degraded=True))
    loud = candidate("loud", priority=2)
    assert chosen(request, silent, loud)[0] == chosen_id
    route = SELECTOR.choose(request, (silent, loud))
    assert route.decision.candidates[0].excluded == (None if chosen_id == "silent" else "DEGRADED")


def test_what_has_its_place_at_a_provider_goes_there_unless_another_one_has_room() -> None:
    full = RouteHealth(room=0.0)
    first, second = candidate("first", full, provider="ALPHA"), candidate("second", full, provider="BETA", priority=2)
    placed = RouteRequest("TEXT", paced_for=ProviderCode("BETA"))
    assert chosen(placed, first, second)[0] == "second"
    assert chosen(TEXT, first, second)[0] == "first"
    assert chosen(placed, candidate("first", provider="ALPHA"), second)[0] == "first"


def test_a_degraded_one_sends_where_no_sibling_can() -> None:
    request = RouteRequest("TEXT", random_source=(0.0, 0.0, 0.99))
    assert chosen(request, candidate("silent", RouteHealth(degraded=True)), candidate("gone", OFFLINE))[0] == "silent"


def test_a_degraded_one_that_is_tried_again_gets_its_trial() -> None:
    request = RouteRequest("TEXT", random_source=(0.0, 0.0, 0.99))
    trial = RouteHealth(binding=Passage.TRIAL, degraded=True)
    assert chosen(request, candidate("other"), candidate("back", trial)) == ("back", "TRIAL")


def test_a_smaller_priority_wins_and_the_account_decides_before_the_provider() -> None:
    good = RouteHealth(quality=1.0)
    bad = RouteHealth(quality=0.1)
    assert chosen(TEXT, candidate("b", good, provider_priority=2), candidate("a", bad))[0] == "a"
    assert (
        chosen(TEXT, candidate("b", good, priority=2), candidate("a", bad, priority=1, provider_priority=9))[0] == "a"
    )


def test_the_next_tier_takes_over_when_the_first_cannot() -> None:
    second = candidate("second", priority=2)
    assert chosen(TEXT, candidate("first", OFFLINE), second)[0] == "second"
    assert chosen(TEXT, candidate("first", SHUT), second)[0] == "second"


def test_the_decision_explains_every_candidate() -> None:
    route = SELECTOR.choose(
        TEXT, (candidate("gone", OFFLINE), candidate("here"), candidate("spare", priority=2, provider="BETA"))
    )
    assert isinstance(route, Choice)
    assert [(c.binding_id, c.guid, c.provider_code, c.excluded) for c in route.decision.candidates] == [
        ("gone", "g-gone", "ALPHA", "OFFLINE"),
        ("here", "g-here", "ALPHA", None),
        ("spare", "g-spare", "BETA", "LOWER_TIER"),
    ]
    scores = [entry.score for entry in route.decision.candidates]
    assert scores == [None, pytest.approx(0.45 * 0.75 + 0.45), None]


def test_a_conversation_stays_unless_another_is_clearly_better() -> None:
    request = RouteRequest("TEXT", last_binding=BindingId("last"))
    last = candidate("last", RouteHealth(quality=0.5))  # its affinity counts 0.10
    almost = candidate("other", RouteHealth(quality=0.5 + 0.24 / 0.45))
    clearly = candidate("other", RouteHealth(quality=0.5 + 0.26 / 0.45))
    assert chosen(request, almost, last) == ("last", "STICKY")
    assert chosen(request, clearly, last) == ("other", "BEST_SCORE")


def test_a_conversation_leaves_a_binding_that_cannot_send() -> None:
    request = RouteRequest("TEXT", last_binding=BindingId("last"))
    assert chosen(request, candidate("last", OFFLINE), candidate("other"), candidate("third"))[0] == "other"


def test_a_slow_one_loses_but_if_all_are_slow_nothing_changes() -> None:
    slow, fast = RouteHealth(latency_ms=2_000), RouteHealth(latency_ms=100)
    assert chosen(TEXT, candidate("slow", slow), candidate("fast", fast))[0] == "fast"
    assert chosen(TEXT, candidate("one", slow), candidate("two", slow))[0] == "one"


def test_a_recovering_provider_gets_its_trial_first() -> None:
    trial = candidate("trial", RouteHealth(provider=Passage.TRIAL, quality=0.1, share=0.0))
    route = SELECTOR.choose(RouteRequest("TEXT", random_source=(0.5, 0.5, 0.99)), (candidate("fine"), trial))
    assert isinstance(route, Choice)
    assert (route.binding.binding_id, route.decision.reason, route.trial) == ("trial", "TRIAL", True)
    alone = SELECTOR.choose(TEXT, (trial,))
    assert isinstance(alone, Choice)
    assert alone.trial


def test_the_weight_of_a_recovered_one_returns_in_steps() -> None:
    recovered = candidate("recovered", RouteHealth(share=0.25))
    spare = candidate("spare", priority=2)
    low, high = (RouteRequest("TEXT", random_source=(0, 0, chance)) for chance in (0.24, 0.25))
    assert chosen(low, recovered, spare)[0] == "recovered"
    assert chosen(high, recovered, spare)[0] == "spare"
    assert chosen(high, recovered, candidate("gone", OFFLINE))[0] == "recovered"


def test_a_spent_provider_is_used_again_only_if_no_other_is_left() -> None:
    request = RouteRequest("TEXT", spent=frozenset({ProviderCode("ALPHA")}))
    spent, spare = candidate("spent"), candidate("spare", provider="BETA", priority=9)
    assert chosen(request, spent, spare)[0] == "spare"
    assert chosen(request, spent, candidate("spare", OFFLINE, provider="BETA"))[0] == "spent"
    assert chosen(request, spent)[0] == "spent"


def test_two_draws_follow_the_weights_and_the_better_one_wins() -> None:
    pool = [candidate("a", weight=3), candidate("b", weight=1)]
    draws = [chosen(RouteRequest("TEXT", random_source=(at / 100, at / 100, 0)), *pool)[0] for at in range(100)]
    assert draws.count("a") == 75
    better = [candidate("a", RouteHealth(quality=0.1), weight=3), candidate("b", RouteHealth(quality=0.9))]
    assert chosen(RouteRequest("TEXT", random_source=(0, 0.99, 0)), *better)[0] == "b"
    assert chosen(RouteRequest("TEXT", random_source=(0, 0, 0)), *better)[0] == "a"


unit = st.floats(0, 1)
healths = st.builds(
    RouteHealth,
    st.sampled_from(BindingState),
    st.booleans(),
    st.sampled_from(Passage),
    st.sampled_from(Passage),
    st.sampled_from(Passage),
    unit,
    st.integers(0, 1) | st.just(0),
    unit,
    st.none() | st.floats(0.1, 10_000),
    unit,
)
names = st.sampled_from([BindingId(name) for name in "abcdef"])
pools = st.lists(
    st.builds(
        candidate,
        names,
        healths,
        provider=st.sampled_from(["ALPHA", "BETA"]),
        priority=st.integers(1, 2),
        provider_priority=st.integers(1, 2),
        weight=st.integers(1, 9),
        standby=st.sampled_from([Standby.HOT, Standby.HOT, Standby.WARM]),
        state=st.sampled_from(BindingState),
        enabled=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda pooled: pooled.binding.binding_id,
)
chance = st.floats(0, 1, exclude_max=True)
requests = st.builds(
    RouteRequest,
    st.sampled_from(["TEXT", "FILE", "VOICE"]),
    st.none() | st.integers(0, 200),
    pin=st.none() | names,
    last_binding=st.none() | names,
    refused=st.frozensets(names, max_size=2),
    spent=st.frozensets(st.sampled_from([ProviderCode("ALPHA"), ProviderCode("BETA")])),
    random_source=st.none() | st.tuples(chance, chance, chance),
)


@given(requests, pools)
def test_no_binding_gets_a_message_that_a_filter_forbids(request: RouteRequest, pool: list[Candidate]) -> None:
    route = SELECTOR.choose(request, pool)
    assert [entry.binding_id for entry in route.decision.candidates] == [pooled.binding.binding_id for pooled in pool]
    if isinstance(route, Refusal):
        assert all(entry.excluded is not None for entry in route.decision.candidates)
        return
    winner = next(pooled for pooled in pool if pooled.binding.binding_id == route.binding.binding_id)
    observed, stored = winner.health.state, winner.binding.state
    assert (stored if observed is BindingState.UNKNOWN else observed) is not BindingState.OFFLINE
    assert winner.binding.standby is Standby.HOT
    assert winner.binding.enabled
    assert not winner.health.suspect
    assert winner.health.throttled_ms == 0
    assert Passage.SHUT not in (winner.health.provider, winner.health.binding, winner.health.type)
    assert winner.binding.binding_id not in request.refused
    assert request.pin in (None, winner.binding.binding_id)
    assert route.trial == winner.health.trial


@given(requests, pools)
def test_a_message_is_refused_only_if_every_candidate_alone_would(request: RouteRequest, pool: list[Candidate]) -> None:
    alone = [SELECTOR.choose(request, (pooled,)) for pooled in pool]
    together = SELECTOR.choose(request, pool)
    assert isinstance(together, Refusal) == all(isinstance(route, Refusal) for route in alone)
    if isinstance(together, Refusal) and pool:
        order = list(RefusalKind)
        # Alone nobody knows that the account is online.
        kind = RefusalKind.ALL_OFFLINE if together.kind is RefusalKind.STANDBY_ONLY else together.kind
        assert order.index(kind) == max(order.index(route.kind) for route in alone if isinstance(route, Refusal))


@given(requests, pools)
def test_a_smaller_priority_is_never_passed_over_for_a_score(request: RouteRequest, pool: list[Candidate]) -> None:
    route = SELECTOR.choose(replace(request, random_source=None, spent=frozenset()), pool)
    if isinstance(route, Choice):
        tiers = {pooled.binding.binding_id: pooled.tier for pooled in pool}
        able = [entry for entry in route.decision.candidates if entry.excluded in (None, Exclusion.LOWER_TIER)]
        assert tiers[route.binding.binding_id] == min(tiers[entry.binding_id] for entry in able)


@given(requests, pools)
def test_without_ties_the_order_of_candidates_does_not_matter(request: RouteRequest, pool: list[Candidate]) -> None:
    request = replace(request, random_source=None)
    route = SELECTOR.choose(request, pool)
    again = SELECTOR.choose(request, list(reversed(pool)))
    assert type(route) is type(again)
    if isinstance(route, Choice) and isinstance(again, Choice) and route.decision.reason != "TRIAL":
        scores = [entry.score for entry in route.decision.candidates if entry.score is not None]
        if len(set(scores)) == len(scores):
            assert route.binding == again.binding


def test_a_draw_among_the_worthless_still_names_one() -> None:
    assert draw([0.0, 0.0], 0.5) == 1


def test_what_a_binding_can_ever_take_does_not_hang_on_a_switch_of_its_account() -> None:
    """A refusal that comes while the account is switched off fails nothing that a sibling could take afterwards."""
    away = candidate("b", RouteHealth(BindingState.OFFLINE, provider=Passage.SHUT), standby=Standby.COLD, fenced=True)
    request = RouteRequest("TEXT", account_enabled=False)
    assert may_ever_take(request, away)
    assert not may_ever_take(replace(request, message_type="VOICE"), away)
    assert not may_ever_take(replace(request, pin=BindingId("another")), away)
    assert not may_ever_take(replace(request, provider_code=ProviderCode("ELSEWHERE")), away)
    assert not may_ever_take(request, candidate("b", enabled=False))
    assert not may_ever_take(request, candidate("b", provider_enabled=False))
