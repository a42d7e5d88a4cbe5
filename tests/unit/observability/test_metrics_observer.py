from collections.abc import Callable, Mapping

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.support.builders.messages import (
    A_TRACE,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_due_message,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.observability.delayed_counts import SLOT_MS, DelayedCounts
from wework_message.adapters.observability.end_outcomes import OUTCOMES, failure
from wework_message.adapters.observability.metrics import Metrics
from wework_message.adapters.observability.metrics_observer import PrometheusObserver
from wework_message.application.tracing import CURRENT
from wework_message.domain.ids import BindingId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.ports.health import CallReport
from wework_message.domain.retry import GiveUp, RetryAt, Settle, Verdict
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.stream import PullOutcome

CALL_MS = 30_000
LATER = 10 * SLOT_MS


class Bench:
    """A registry, its observer, and a clock of the test."""

    def __init__(self, *, has_echoes: bool = True) -> None:
        self.now = NOW
        provider = Provider(PROVIDER, "p", Capabilities(frozenset()))
        self.metrics = Metrics(providers=(provider,), routes=())
        self.observer = PrometheusObserver(
            self.metrics, horizon_ms=HORIZON_MS, longest_call_ms=CALL_MS, now=lambda: self.now,
            without_echoes=() if has_echoes else (PROVIDER,),
        )  # fmt: skip

    def report_moves(self, message: Message) -> None:
        for move in message.lifecycle.moves:
            self.observer.moved(message, move)
        message.lifecycle.moves = []

    def counted(self) -> Mapping[str, float]:
        self.metrics.render()
        values = {outcome: self._value("wm_message_terminal_total", outcome=outcome) for outcome in OUTCOMES}
        return {outcome: value for outcome, value in values.items() if value}

    def finished(self, **labels: str) -> float:
        return self._value("wm_messages_finished_total", **labels)

    def retries(self) -> float:
        return self._value("wm_retries_total")

    def _value(self, name: str, **labels: str) -> float:
        families = self.metrics.registry.restricted_registry([name]).collect()
        (value,) = (
            sample.value
            for family in families
            for sample in family.samples
            if (sample.name, sample.labels) == (name, labels)
        )
        return value


def echo(message: Message, kind: FactKind = FactKind.ECHO, *, now: int = NOW) -> None:
    message.learn(1, kind, horizon_ms=HORIZON_MS, now=now, note=Note(kind, now))


def a_called(outcome: AttemptOutcome, verdict: Verdict | None = None) -> Message:
    message = a_due_message()
    begin_call(message)
    settle(message, outcome, verdict=verdict)
    return message


def a_sent() -> Message:
    return a_called(an_outcome(OutcomeClass.ACCEPTED))


def an_unknown() -> Message:
    return a_called(an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE))


def test_accepted_messages_are_counted_by_type_and_mode() -> None:
    bench = Bench()
    bench.observer.accepted([a_due_message(mode="BATCH")] * 2)
    bench.observer.accepted([a_due_message(mode="BATCH", message_type="GIF")])
    bench.observer.accepted([a_due_message(message_type="NEW_TYPE", mode="PIGEON")])
    value = bench.metrics.registry.get_sample_value
    assert value("wm_messages_accepted_total", {"type": "TEXT", "mode": "BATCH"}) == 2
    assert value("wm_messages_accepted_total", {"type": "GIF", "mode": "BATCH"}) == 1
    assert value("wm_messages_accepted_total", {"type": "other", "mode": "other"}) == 1


def test_a_delivered_message_counts_once_and_never_as_sent() -> None:
    bench = Bench()
    message = a_sent()
    bench.report_moves(message)
    assert bench.counted() == {}
    echo(message)
    bench.report_moves(message)
    assert bench.counted() == {"delivered": 1}
    bench.now = NOW + 2 * HORIZON_MS + LATER
    assert bench.counted() == {"delivered": 1}
    assert bench.finished(type="TEXT", provider=PROVIDER, outcome="delivered") == 1


def test_messages_at_rest_that_are_delivered_count_alike() -> None:
    bench = Bench()
    messages = [a_sent() for _ in range(3)]
    for message in messages:
        bench.report_moves(message)
    bench.observer.delivered([sent for message in messages if (sent := SentMessage.of(message)) is not None])
    bench.now = NOW + 2 * HORIZON_MS + LATER
    assert bench.counted() == {"delivered": 3}
    assert bench.finished(type="TEXT", provider=PROVIDER, outcome="delivered") == 3


def test_sent_without_an_echo_counts_as_sent_after_2h_and_only_once() -> None:
    bench = Bench()
    message = a_sent()
    bench.report_moves(message)
    bench.now = NOW + 2 * HORIZON_MS
    assert bench.counted() == {}
    bench.now += LATER
    assert bench.counted() == {"sent": 1}
    assert bench.counted() == {"sent": 1}
    assert bench.finished(type="TEXT", provider=PROVIDER, outcome="sent") == 1


def test_sent_counts_at_once_and_only_once_where_no_echo_can_come() -> None:
    bench = Bench(has_echoes=False)
    bench.report_moves(a_sent())
    assert bench.counted() == {"sent": 1}
    bench.now = NOW + 2 * HORIZON_MS + LATER
    assert bench.counted() == {"sent": 1}


def test_unknown_counts_after_its_horizon_and_a_later_resolution_adds() -> None:
    bench = Bench()
    message = an_unknown()
    bench.report_moves(message)
    bench.now = NOW + HORIZON_MS + CALL_MS
    assert bench.counted() == {}
    bench.now += LATER
    assert bench.counted() == {"unknown": 1}
    echo(message, now=bench.now)
    bench.report_moves(message)
    assert bench.counted() == {"unknown": 1, "delivered": 1}


@pytest.mark.parametrize(
    "resolve",
    [
        echo,
        lambda message: message.replay(force=True, by="ops", now=NOW),
        lambda message: settle(message, an_outcome(OutcomeClass.ACCEPTED), now=NOW + 20_000),
    ],
    ids=["echo", "forced retry", "late answer"],
)
def test_unknown_that_is_resolved_in_time_is_not_counted(resolve: Callable[[Message], None]) -> None:
    bench = Bench()
    message = an_unknown()
    bench.report_moves(message)
    resolve(message)
    bench.report_moves(message)
    bench.now = NOW + HORIZON_MS + CALL_MS + LATER
    assert "unknown" not in bench.counted()


def test_a_refused_recall_counts_no_second_delivery() -> None:
    bench = Bench()
    message = a_sent()
    echo(message)
    message.ask_recall(now=NOW)
    message.settle_recall(an_outcome(OutcomeClass.REFUSED_PERMANENT), retry_ms=1_000, horizon_ms=HORIZON_MS, now=NOW)
    bench.report_moves(message)
    assert bench.counted() == {"delivered": 1}


def test_a_refused_recall_of_an_unechoed_message_leaves_it_sent_once() -> None:
    bench = Bench()
    message = a_sent()
    message.ask_recall(now=NOW)
    message.settle_recall(an_outcome(OutcomeClass.REFUSED_PERMANENT), retry_ms=1_000, horizon_ms=HORIZON_MS, now=NOW)
    bench.report_moves(message)
    bench.now = NOW + 2 * HORIZON_MS + LATER
    assert bench.counted() == {"sent": 1}


def test_a_recalled_message_was_sent_and_is_recalled() -> None:
    bench = Bench()
    message = a_sent()
    message.ask_recall(now=NOW)
    echo(message, FactKind.REVOKED)
    bench.report_moves(message)
    bench.now = NOW + 2 * HORIZON_MS + LATER
    assert bench.counted() == {"recalled": 1, "sent": 1}


def test_cancelled_and_expired_end_without_a_provider() -> None:
    bench = Bench()
    cancelled, expired = a_due_message(), a_due_message()
    cancelled.cancel(now=NOW)
    expired.expire(now=NOW)
    bench.report_moves(cancelled)
    bench.report_moves(expired)
    assert bench.counted() == {"cancelled": 1, "expired": 1}
    assert bench.finished(type="TEXT", provider="none", outcome="cancelled") == 1


def test_a_new_reason_for_the_same_status_is_no_end() -> None:
    bench = Bench()
    message = a_due_message()
    message.fail("POISON", now=NOW)
    message.lifecycle.moves.append(message.lifecycle.moves[-1].__class__(message.status, message.status, "OTHER"))
    bench.report_moves(message)
    assert bench.counted() == {"failed_system": 1}


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        (
            an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE),
            FailureReason.REFUSED_PERMANENT,
            "failed_provider",
        ),
        (
            an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.of_status(422)),
            FailureReason.REFUSED_PERMANENT,
            "failed_input",
        ),
        (
            an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.of_status(404)),
            FailureReason.REFUSED_PERMANENT,
            "failed_system",
        ),
        (
            an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.UNKNOWN_CODE, confirmed=False),
            FailureReason.REFUSED_PERMANENT,
            "failed_provider",
        ),
        (
            an_outcome(OutcomeClass.REFUSED_CAPABILITY, reason=Reason.CODE),
            FailureReason.REFUSED_CAPABILITY,
            "failed_provider",
        ),
        (an_outcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE), FailureReason.POISON, "failed_system"),
        (an_outcome(OutcomeClass.NOT_SENT), FailureReason.RECALL_ASKED, "cancelled"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_cause_of_a_failure_determines_its_outcome(
    outcome: AttemptOutcome, reason: FailureReason, expected: str
) -> None:
    bench = Bench()
    bench.report_moves(a_called(outcome, GiveUp(reason)))
    assert bench.counted() == {expected: 1}


def test_a_failure_for_an_unlisted_reason_is_one_of_the_system() -> None:
    assert failure(a_called(an_outcome(OutcomeClass.NOT_SENT), RetryAt(1)), "A_REASON_OF_TOMORROW") == "failed_system"


@pytest.mark.parametrize("reason", ["NO_BINDING", "NO_CAPABILITY"])
def test_a_message_that_can_never_be_sent_is_a_failure_of_its_input(reason: str) -> None:
    bench = Bench()
    message = a_due_message()
    message.fail(reason, now=NOW)
    bench.report_moves(message)
    assert bench.counted() == {"failed_input": 1}


def test_a_failure_after_acceptance_is_one_of_the_provider_and_not_counted_as_sent() -> None:
    bench = Bench()
    message = a_sent()
    echo(message, FactKind.SEND_FAIL)
    bench.report_moves(message)
    bench.now = NOW + 2 * HORIZON_MS + LATER
    assert bench.counted() == {"failed_provider": 1}


def test_only_calls_after_the_first_are_retries() -> None:
    bench = Bench()
    message = a_called(an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT), RetryAt(1))
    bench.report_moves(message)
    assert bench.retries() == 0
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED), verdict=Settle())
    bench.report_moves(message)
    assert bench.retries() == 1


def test_a_held_message_has_not_ended() -> None:
    bench = Bench()
    message = a_due_message()
    message.hold(HoldReason.BUDGET, 1_000, now=NOW)
    bench.report_moves(message)
    assert bench.counted() == {}


@pytest.mark.parametrize(("message_type", "kind"), [("TEXT", "send"), ("RECALL", "recall")])
def test_calls_are_timed_by_provider_kind_and_class(message_type: str, kind: str) -> None:
    bench = Bench()
    report = CallReport(
        PROVIDER,
        BindingId("b"),
        GUID,
        message_type,
        OutcomeClass.ACCEPTED,
        None,
        confirmed=True,
        elapsed_ms=250,
        at=NOW,
    )
    bench.observer.called(report)
    labels = {"provider": PROVIDER, "kind": kind, "class": "ACCEPTED"}
    assert bench.metrics.registry.get_sample_value("wm_provider_request_seconds_sum", labels) == 0.25
    bucket = {**labels, "le": "0.1"}
    assert bench.metrics.registry.get_sample_value("wm_provider_request_seconds_bucket", bucket) == 0


def test_provider_health_is_read_at_each_rendering() -> None:
    bench = Bench()
    board = MemoryHealthBoard(SettableClock(), FixedRandom())
    bench.observer.watch_health(board, [PROVIDER])
    up = {"provider": str(PROVIDER)}
    bench.metrics.render()
    assert bench.metrics.registry.get_sample_value("wm_provider_up", up) is None
    board.probed(PROVIDER, answered=True, at=NOW)
    bench.metrics.render()
    assert bench.metrics.registry.get_sample_value("wm_provider_up", up) == 1
    board.probed(PROVIDER, answered=False, at=NOW)
    bench.metrics.render()
    assert bench.metrics.registry.get_sample_value("wm_provider_up", up) == 0


def test_delayed_counts_take_no_memory_per_message_even_without_scrapes() -> None:
    bench = Bench()
    for second in range(3_600):
        bench.now = NOW + second * 1_000
        message = a_due_message()
        begin_call(message, now=bench.now)
        settle(message, an_outcome(OutcomeClass.ACCEPTED), now=bench.now)
        bench.report_moves(message)
    assert len(bench.observer._unechoed._slots) <= 2 * HORIZON_MS // SLOT_MS + 2
    bench.now += 2 * HORIZON_MS + LATER
    assert bench.counted() == {"sent": 3_600}


def test_a_state_that_began_in_another_process_makes_no_count_negative() -> None:
    delayed_counts = DelayedCounts(1_000)
    delayed_counts.leave(NOW, ("TEXT", PROVIDER))
    delayed_counts.enter(NOW, ("TEXT", PROVIDER))
    delayed_counts.leave(NOW, ("TEXT", PROVIDER))
    delayed_counts.leave(NOW, ("TEXT", PROVIDER))
    assert delayed_counts.take_due(NOW + LATER) == []


def test_pulls_are_counted_with_what_they_brought_and_how_far_they_are_behind() -> None:
    bench = Bench()
    value = bench.metrics.registry.get_sample_value
    bench.observer.pulled(PROVIDER, PullOutcome.READ, new=2, known=5, lag_ms=None)
    assert value("wm_stream_lag_seconds", {"provider": PROVIDER}) is None
    bench.observer.pulled(PROVIDER, PullOutcome.READ, new=1, known=0, lag_ms=60_500)
    bench.observer.pulled(PROVIDER, PullOutcome.UNREADABLE, new=0, known=0, lag_ms=1_000)
    assert value("wm_stream_pulls_total", {"provider": PROVIDER, "outcome": "READ"}) == 2
    assert value("wm_stream_pulls_total", {"provider": PROVIDER, "outcome": "UNREADABLE"}) == 1
    assert value("wm_stream_records_total", {"provider": PROVIDER, "result": "new"}) == 3
    assert value("wm_stream_records_total", {"provider": PROVIDER, "result": "known"}) == 5
    assert value("wm_stream_lag_seconds", {"provider": PROVIDER}) == 1.0


def test_durations_of_what_is_traced_have_exemplars_and_the_plain_text_is_as_without() -> None:
    def texts(*, traced: bool) -> tuple[str, str]:
        metrics = Metrics(providers=(Provider(PROVIDER, "p", Capabilities(frozenset())),), routes=[("/r", "GET")])
        observer = PrometheusObserver(
            metrics, horizon_ms=HORIZON_MS, longest_call_ms=CALL_MS, now=lambda: NOW, traced=traced
        )
        report = CallReport(
            PROVIDER, BindingId("b"), GUID, "TEXT", OutcomeClass.ACCEPTED, None, confirmed=True, elapsed_ms=70, at=NOW
        )
        token = CURRENT.set(A_TRACE)
        observer.http_request("/r", "GET", 200, 0.02)
        observer.called(report)
        CURRENT.reset(token)
        observer.http_request("/r", "GET", 200, 0.3)
        plain = [line for line in metrics.render()[0].decode().splitlines() if line.startswith(_SECONDS)]
        return "\n".join(plain), metrics.render_with_traces()[0].decode()

    (plain, without), (same, exposed) = texts(traced=False), texts(traced=True)
    assert plain == same
    assert "trace_id" not in without + plain
    exemplars = {
        (sample.name, sample.labels["le"], sample.exemplar.labels["trace_id"], sample.exemplar.value)
        for family in text_string_to_metric_families(exposed)  # type: ignore[no-untyped-call]  # no annotation there
        for sample in family.samples
        if sample.exemplar is not None
    }
    assert exemplars == {
        ("wm_http_request_seconds_bucket", "0.025", A_TRACE[3:35], 0.02),
        ("wm_provider_request_seconds_bucket", "0.1", A_TRACE[3:35], 0.07),
    }


_SECONDS = ("wm_http_request_seconds", "wm_provider_request_seconds")


def histogram(bench: Bench, name: str, **labels: str) -> tuple[float | None, float | None]:
    value = bench.metrics.registry.get_sample_value
    return value(f"{name}_count", labels), value(f"{name}_sum", labels)


def test_the_time_until_a_message_rests_counts_once_and_from_when_its_client_wanted_it() -> None:
    bench = Bench()
    early, scheduled = a_due_message(), a_due_message(scheduled_at=NOW + 60_000)
    begin_call(early, now=NOW + 1_000)
    begin_call(scheduled, now=NOW + 61_000)
    settle(early, an_outcome(OutcomeClass.ACCEPTED), now=NOW + 1_500)
    settle(scheduled, an_outcome(OutcomeClass.ACCEPTED), now=NOW + 61_250)
    for message in (early, scheduled):
        bench.report_moves(message)
        echo(message)
        bench.report_moves(message)
    assert histogram(bench, "wm_message_seconds", status="SENT") == (2, 1.5 + 1.25)
    assert histogram(bench, "wm_message_seconds", status="DELIVERED") == (0, 0)


def test_a_replayed_message_rests_a_second_time_which_does_not_count() -> None:
    bench = Bench()
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.NOT_SENT), verdict=GiveUp(FailureReason.REFUSED_PERMANENT), now=NOW + 500)
    bench.report_moves(message)
    message.replay(force=False, by="person", now=NOW + 1_000_000)
    begin_call(message, now=NOW + 1_000_000)
    message.settle(2, an_outcome(OutcomeClass.ACCEPTED), Settle(), horizon_ms=HORIZON_MS, now=NOW + 1_000_000)
    bench.report_moves(message)
    assert histogram(bench, "wm_message_seconds", status="FAILED") == (1, 0.5)
    assert histogram(bench, "wm_message_seconds", status="SENT") == (0, 0)


def test_the_time_until_an_echo_counts_from_the_call_whichever_way_the_echo_comes() -> None:
    bench = Bench()
    in_short, in_full = a_sent(), a_sent()
    for message in (in_short, in_full):
        bench.report_moves(message)
    sent = SentMessage.of(in_short)
    assert sent is not None
    bench.now = sent.started_at + 2_000
    bench.observer.delivered([sent])
    echo(in_full, now=sent.started_at + 3_000)
    bench.report_moves(in_full)
    assert histogram(bench, "wm_echo_seconds", provider=PROVIDER) == (2, 5.0)
