"""What every HealthBoard does. Subclasses provide `board` and the `clock` it runs on."""

from typing import Any

import pytest
from tests.support.builders.messages import BACKUP, GUID, NOW, PROVIDER

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.account import BindingState, implicit_binding
from wework_message.domain.ids import BindingId, Guid
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.health import CallReport, HealthBoard, Unechoed
from wework_message.domain.retry import MAX_RETRY_AFTER_MS
from wework_message.domain.routing.breaker import Passage
from wework_message.domain.routing.filters import UNOBSERVED, RouteHealth
from wework_message.domain.routing.latency import SPAN_MS

BINDING = implicit_binding(GUID, PROVIDER).binding_id
SIBLING = implicit_binding(Guid("guid-b"), PROVIDER).binding_id
OPEN_MS = 30_000
HOURS_MS = 3 * 3_600_000


def a_report(outcome: OutcomeClass, **changes: Any) -> CallReport:
    fields: dict[str, Any] = {
        "provider_code": PROVIDER, "binding_id": BINDING, "guid": GUID, "message_type": "TEXT", "outcome": outcome,
        "reason": None, "confirmed": True, "elapsed_ms": 40.0, "at": NOW,
    }  # fmt: skip
    return CallReport(**fields | changes)


def route(board: HealthBoard, clock: SettableClock, **changes: Any) -> RouteHealth:
    where = {"provider_code": PROVIDER, "binding_id": BINDING, "message_type": "TEXT"} | changes
    return board.route(**where, now=clock.now())


class HealthBoardContract:
    def test_nothing_is_known_without_an_observation(self, board: HealthBoard, clock: SettableClock) -> None:
        assert route(board, clock) == UNOBSERVED
        health = board.provider(PROVIDER)
        assert (health.healthy, health.checked_at, health.breaker) == (None, None, "CLOSED")
        assert (health.p50_ms, health.p95_ms) == (None, None)
        assert board.suspects() == ()

    @pytest.mark.parametrize("answered", [True, False])
    def test_a_probe_says_whether_a_provider_is_healthy(self, board: HealthBoard, *, answered: bool) -> None:
        board.probed(PROVIDER, answered, NOW)
        assert (board.provider(PROVIDER).healthy, board.provider(PROVIDER).checked_at) == (answered, NOW)
        assert board.provider(BACKUP).healthy is None

    @pytest.mark.parametrize("reason", [Reason.CONNECT, Reason.DNS, Reason.TLS])
    def test_a_provider_that_cannot_be_reached_is_not_healthy_until_it_answers(
        self, board: HealthBoard, reason: str
    ) -> None:
        board.report(a_report(OutcomeClass.NOT_SENT, reason=reason))
        assert board.provider(PROVIDER).healthy is False
        board.report(a_report(OutcomeClass.REFUSED_PERMANENT, at=NOW + 1))
        assert (board.provider(PROVIDER).healthy, board.provider(PROVIDER).checked_at) == (True, NOW + 1)

    @pytest.mark.parametrize("reason", [Reason.TOO_LATE, Reason.UNBUILDABLE])
    def test_our_own_refusals_say_nothing_about_a_provider(self, board: HealthBoard, reason: str) -> None:
        board.report(a_report(OutcomeClass.NOT_SENT, reason=reason))
        assert board.provider(PROVIDER).healthy is None

    def test_an_unknown_code_makes_its_binding_suspect_until_a_probe_says_online(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        board.report(a_report(OutcomeClass.REFUSED_PERMANENT, confirmed=False))
        assert board.suspects() == ((PROVIDER, BINDING, GUID),)
        assert (route(board, clock).suspect, route(board, clock, binding_id=SIBLING).suspect) == (True, False)
        for state in (ClientState.UNKNOWN, ClientState.OFFLINE):
            board.binding_state(BINDING, state, clock.now())
            assert route(board, clock).suspect
            assert board.suspects() == ((PROVIDER, BINDING, GUID),)
        board.binding_state(BINDING, ClientState.ONLINE, clock.now())
        assert not route(board, clock).suspect
        assert board.suspects() == ()

    def test_a_known_refusal_makes_no_binding_suspect(self, board: HealthBoard, clock: SettableClock) -> None:
        board.report(a_report(OutcomeClass.REFUSED_PERMANENT))
        assert not route(board, clock).suspect
        assert board.suspects() == ()

    def test_an_instance_has_the_state_that_was_reported_last(self, board: HealthBoard, clock: SettableClock) -> None:
        for state in (ClientState.OFFLINE, ClientState.ONLINE):
            board.binding_state(BINDING, state, clock.now())
            assert route(board, clock).state == BindingState(state)
        board.binding_state(BINDING, ClientState.UNKNOWN, clock.now())
        assert route(board, clock).state is BindingState.ONLINE

    def test_an_instance_that_is_stored_as_offline_is_probed_until_it_is_online(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        board.stored_offline(PROVIDER, BINDING, GUID)
        assert board.suspects() == ((PROVIDER, BINDING, GUID),)
        board.binding_state(BINDING, ClientState.ONLINE, clock.now())
        board.stored_offline(PROVIDER, BINDING, GUID)
        assert board.suspects() == ()
        assert route(board, clock).state is BindingState.ONLINE

    def test_an_offline_instance_is_probed_again(self, board: HealthBoard, clock: SettableClock) -> None:
        board.report(a_report(OutcomeClass.ACCEPTED))
        board.binding_state(BINDING, ClientState.OFFLINE, clock.now())
        assert board.suspects() == ((PROVIDER, BINDING, GUID),)

    def test_an_instance_that_a_notice_asks_about_is_probed_and_used_until_the_provider_answers(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        board.ask(PROVIDER, BINDING, GUID)
        assert board.suspects() == ((PROVIDER, BINDING, GUID),)
        assert (route(board, clock).state, route(board, clock).suspect) == (BindingState.UNKNOWN, False)
        board.binding_state(BINDING, ClientState.UNKNOWN, clock.now())
        assert board.suspects() == ((PROVIDER, BINDING, GUID),)
        board.binding_state(BINDING, ClientState.ONLINE, clock.now())
        assert board.suspects() == ()

    def test_a_provider_that_keeps_failing_is_left_alone_and_tried_again_one_by_one(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        assert board.provider(PROVIDER).breaker == "OPEN"
        assert route(board, clock, binding_id=SIBLING).provider is Passage.SHUT
        assert route(board, clock, provider_code=BACKUP).provider is Passage.FREE
        clock.advance(OPEN_MS)
        assert route(board, clock).provider is Passage.SHUT
        board.probed(PROVIDER, True, clock.now())
        for _ in range(3):
            assert board.provider(PROVIDER).breaker == "HALF_OPEN"
            assert route(board, clock).provider is Passage.TRIAL
            board.admit(PROVIDER, BINDING, "TEXT", clock.now())
            assert route(board, clock, binding_id=SIBLING).provider is Passage.SHUT
            board.report(a_report(OutcomeClass.ACCEPTED, at=clock.now()))
        assert board.provider(PROVIDER).breaker == "CLOSED"
        assert 0 < route(board, clock).share < 1

    def test_a_binding_that_keeps_refusing_is_probed_before_it_is_tried_again(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.REFUSED_BINDING))
        assert (route(board, clock).binding, route(board, clock).provider) == (Passage.SHUT, Passage.FREE)
        assert route(board, clock, binding_id=SIBLING).binding is Passage.FREE
        assert board.suspects() == ((PROVIDER, BINDING, GUID),)
        board.binding_state(BINDING, ClientState.ONLINE, clock.now())
        assert board.suspects() == ()
        clock.advance(OPEN_MS)
        assert board.suspects() == ((PROVIDER, BINDING, GUID),)
        board.binding_state(BINDING, ClientState.ONLINE, clock.now())
        assert route(board, clock).binding is Passage.TRIAL

    def test_a_type_that_a_provider_cannot_send_is_shut_for_that_type_only(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.REFUSED_CAPABILITY, message_type="GIF"))
        assert route(board, clock, message_type="GIF", binding_id=SIBLING).type is Passage.SHUT
        assert route(board, clock).type is Passage.FREE

    def test_a_clock_that_is_set_back_keeps_no_provider_shut_for_longer(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        clock.jump(-HOURS_MS)
        assert board.provider(PROVIDER).breaker == "OPEN"
        clock.advance(OPEN_MS)
        assert board.provider(PROVIDER).breaker == "HALF_OPEN"
        board.probed(PROVIDER, True, clock.now())
        board.admit(PROVIDER, BINDING, "TEXT", clock.now())
        clock.jump(-HOURS_MS)
        assert route(board, clock).provider is Passage.SHUT
        clock.advance(60_000)
        assert route(board, clock).provider is Passage.TRIAL

    def test_failures_fade_however_often_the_clock_is_set_back(self, board: HealthBoard, clock: SettableClock) -> None:
        board.report(a_report(OutcomeClass.UNCERTAIN, reason=Reason.READ, elapsed_ms=9_000.0))
        for _ in range(20):
            clock.jump(-HOURS_MS)
            clock.advance(60_000)
        assert route(board, clock).quality == pytest.approx(UNOBSERVED.quality, abs=0.01)
        for _ in range(3):  # two of them would be five with failures that never fade
            board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT, at=clock.now()))
        assert board.provider(PROVIDER).breaker == "CLOSED"

    def test_quality_and_latency_follow_the_calls(self, board: HealthBoard, clock: SettableClock) -> None:
        board.report(a_report(OutcomeClass.ACCEPTED, elapsed_ms=80.0))
        good = route(board, clock)
        assert good.quality > UNOBSERVED.quality
        assert good.latency_ms == 80.0
        board.report(a_report(OutcomeClass.UNCERTAIN, reason=Reason.READ))
        assert route(board, clock).quality < good.quality

    def test_a_provider_that_asks_for_a_pause_gets_it_and_no_other_does(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        board.report(a_report(OutcomeClass.THROTTLED, retry_after_ms=4_000))
        board.report(a_report(OutcomeClass.THROTTLED, retry_after_ms=1_000))  # a shorter one ends no longer one
        board.report(a_report(OutcomeClass.THROTTLED))
        assert route(board, clock, binding_id=SIBLING).throttled_ms == 4_000
        assert route(board, clock, provider_code=BACKUP).throttled_ms == 0
        assert board.provider(PROVIDER).throttled_ms == 4_000
        clock.advance(3_999)
        assert route(board, clock).throttled_ms == 1
        clock.advance(1)
        assert (route(board, clock).throttled_ms, board.provider(PROVIDER).throttled_ms) == (0, 0)

    def test_no_provider_can_ask_for_a_pause_without_end(self, board: HealthBoard, clock: SettableClock) -> None:
        board.report(a_report(OutcomeClass.THROTTLED, retry_after_ms=10**12))
        assert route(board, clock).throttled_ms == MAX_RETRY_AFTER_MS

    def test_an_accepted_send_waits_for_an_echo_from_the_first_on(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(3):
            board.report(a_report(OutcomeClass.ACCEPTED, at=clock.now()))
            clock.advance(1_000)
        assert board.unechoed(3_001) == []
        assert board.unechoed(3_000) == [Unechoed(PROVIDER, BINDING, GUID, 3_000, False)]
        board.echoed(BACKUP, GUID)
        assert board.unechoed(3_000) != []
        board.echoed(PROVIDER, GUID)
        assert board.unechoed(0) == []
        board.report(a_report(OutcomeClass.ACCEPTED, at=clock.now()))
        assert [unechoed.for_ms for unechoed in board.unechoed(0)] == [0]

    @pytest.mark.parametrize(
        "changes",
        [{"message_type": "RECALL"}, {"outcome": OutcomeClass.UNCERTAIN}, {"outcome": OutcomeClass.NOT_SENT}],
    )
    def test_nothing_else_waits_for_an_echo(self, board: HealthBoard, changes: dict[str, Any]) -> None:
        board.report(a_report(**({"outcome": OutcomeClass.ACCEPTED} | changes)))
        assert board.unechoed(0) == []

    def test_a_degraded_binding_is_one_until_its_next_echo(self, board: HealthBoard, clock: SettableClock) -> None:
        board.degrade(BINDING)
        assert not route(board, clock).degraded  # nothing there waits for an echo
        board.report(a_report(OutcomeClass.ACCEPTED))
        board.degrade(BINDING)
        assert (route(board, clock).degraded, route(board, clock, binding_id=SIBLING).degraded) == (True, False)
        assert (board.provider(PROVIDER).degraded, board.provider(BACKUP).degraded) == (1, 0)
        assert [unechoed.degraded for unechoed in board.unechoed(HOURS_MS)] == [True]
        board.echoed(PROVIDER, GUID)
        board.degrade(BINDING)  # whoever decided so had not heard of the echo
        assert not route(board, clock).degraded
        assert board.provider(PROVIDER).degraded == 0

    def test_bindings_with_calls_are_in_use_unless_a_probe_asks_them_already(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        board.stored_offline(PROVIDER, BINDING, GUID)
        for number in (2, 1):
            board.report(a_report(OutcomeClass.ACCEPTED, binding_id=BindingId(f"b{number}"), guid=Guid(f"g{number}")))
        assert list(board.in_use(PROVIDER)) == [("b2", "g2"), ("b1", "g1")]
        assert list(board.in_use(BACKUP)) == []
        board.binding_state(BindingId("b2"), ClientState.OFFLINE, clock.now())
        assert list(board.in_use(PROVIDER)) == [("b1", "g1")]
        clock.advance(600_000)
        board.binding_state(BindingId("b1"), ClientState.ONLINE, clock.now())  # a poll is no use
        assert list(board.in_use(PROVIDER)) == []

    def test_a_status_call_that_says_nothing_lets_trials_begin_and_ends_no_suspicion(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.REFUSED_BINDING))
        clock.advance(OPEN_MS)
        assert route(board, clock).binding is Passage.SHUT
        board.reachable(BINDING, clock.now())
        assert (route(board, clock).binding, route(board, clock).suspect) == (Passage.TRIAL, True)
        assert route(board, clock).state is BindingState.UNKNOWN

    def test_percentiles_are_taken_of_the_answers_of_the_last_minutes(
        self, board: HealthBoard, clock: SettableClock
    ) -> None:
        board.report(a_report(OutcomeClass.ACCEPTED, elapsed_ms=9_999.0))
        clock.advance(2 * SPAN_MS)
        for elapsed_ms in range(1, 101):
            board.report(a_report(OutcomeClass.ACCEPTED, elapsed_ms=float(elapsed_ms), at=clock.now()))
        board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT, elapsed_ms=9_999.0))
        health = board.provider(PROVIDER)
        assert health.p50_ms == pytest.approx(50, rel=0.02)
        assert health.p95_ms == pytest.approx(95, rel=0.02)


class SharedHealthBoardContract:
    """What boards do that processes share. Subclasses also provide `other_board`, and `exchange` between them."""

    async def exchange(self, *boards: Any) -> None:
        raise NotImplementedError

    async def test_what_one_process_sees_the_other_knows_after_an_exchange(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        board.probed(PROVIDER, True, clock.now())
        board.binding_state(BINDING, ClientState.OFFLINE, clock.now())
        board.report(a_report(OutcomeClass.ACCEPTED, binding_id=SIBLING, elapsed_ms=80.0))
        await self.exchange(board, other_board)
        assert other_board.provider(PROVIDER) == board.provider(PROVIDER)
        for binding_id in (BINDING, SIBLING):
            assert route(other_board, clock, binding_id=binding_id) == route(board, clock, binding_id=binding_id)

    async def test_a_pause_that_a_provider_asked_for_holds_in_all_processes(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        board.report(a_report(OutcomeClass.THROTTLED, retry_after_ms=4_000))
        clock.advance(1_000)
        await self.exchange(board, other_board)
        assert route(other_board, clock).throttled_ms == route(board, clock).throttled_ms == 3_000

    async def test_percentiles_are_those_of_the_calls_of_all_processes(
        self, board: HealthBoard, other_board: HealthBoard
    ) -> None:
        for elapsed_ms in range(1, 101):
            reporting = board if elapsed_ms % 2 else other_board
            outcome = OutcomeClass.REFUSED_PERMANENT if elapsed_ms % 10 == 0 else OutcomeClass.ACCEPTED
            reporting.report(a_report(outcome, elapsed_ms=float(elapsed_ms)))
        await self.exchange(board, other_board, board)
        for process_board in (board, other_board):
            health = process_board.provider(PROVIDER)
            assert health.p50_ms == pytest.approx(50, rel=0.02)
            assert health.p95_ms == pytest.approx(95, rel=0.02)

    async def test_an_echo_that_one_process_reads_ends_the_wait_of_the_one_that_sent(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        board.report(a_report(OutcomeClass.ACCEPTED))
        board.degrade(BINDING)
        await self.exchange(board, other_board)
        assert route(other_board, clock).degraded
        other_board.echoed(PROVIDER, GUID)
        await self.exchange(other_board, board)
        assert not route(board, clock).degraded
        assert board.unechoed(0) == []

    async def test_a_status_call_that_says_nothing_is_known_to_all(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.REFUSED_BINDING))
        await self.exchange(board, other_board)
        clock.advance(OPEN_MS)
        board.reachable(BINDING, clock.now())
        await self.exchange(board, other_board)
        assert route(other_board, clock).binding is Passage.TRIAL

    async def test_failures_of_one_process_open_the_breaker_of_the_other(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        await self.exchange(board, other_board)
        assert other_board.provider(PROVIDER).breaker == "OPEN"
        clock.advance(OPEN_MS)
        other_board.probed(PROVIDER, True, clock.now())
        await self.exchange(other_board, board)
        assert route(board, clock).provider is Passage.TRIAL

    async def test_after_the_clock_was_set_back_the_other_processes_are_still_believed(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        board.probed(PROVIDER, False, clock.now())
        board.binding_state(BINDING, ClientState.OFFLINE, clock.now())
        clock.jump(-HOURS_MS)
        clock.advance(1_000)
        other_board.probed(PROVIDER, True, clock.now())
        other_board.binding_state(BINDING, ClientState.ONLINE, clock.now())
        await self.exchange(board, other_board, board)
        assert board.provider(PROVIDER).healthy is True
        assert route(board, clock).state is BindingState.ONLINE

    async def test_a_trial_of_one_process_keeps_the_other_from_a_second_one(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(5):
            board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        clock.advance(OPEN_MS)
        board.probed(PROVIDER, True, clock.now())
        board.admit(PROVIDER, BINDING, "TEXT", clock.now())
        await self.exchange(board, other_board)
        assert route(other_board, clock).provider is Passage.SHUT

    async def test_failures_of_two_processes_count_together(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        for process_board in (board, other_board, board, other_board):
            process_board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        await self.exchange(board, other_board, board)
        for process_board in (board, other_board):
            assert process_board.provider(PROVIDER).breaker == "CLOSED"
            process_board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
            assert process_board.provider(PROVIDER).breaker == "OPEN"

    async def test_successes_between_failures_stay_between_them(
        self, board: HealthBoard, other_board: HealthBoard, clock: SettableClock
    ) -> None:
        for _ in range(4):
            board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
            board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
            board.report(a_report(OutcomeClass.ACCEPTED))
            board.report(a_report(OutcomeClass.ACCEPTED, binding_id=SIBLING))
        await self.exchange(board, other_board)
        assert board.provider(PROVIDER).breaker == other_board.provider(PROVIDER).breaker == "CLOSED"
