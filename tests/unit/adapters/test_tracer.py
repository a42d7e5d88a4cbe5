"""The spans that are made: what is recorded, what they follow from, and what they say."""

import logging
from collections.abc import Iterator, Mapping
from types import SimpleNamespace

import pytest
from opentelemetry.trace import StatusCode
from tests.support.builders.messages import A_TRACE, a_message, an_attempt
from tests.support.builders.webhooks import a_delivery
from tests.support.traces import CLIENT, LONG_S, Recorder

from wework_message.adapters.tracing import tracer as making
from wework_message.application.tracing import CURRENT
from wework_message.domain.ports.no_tracer import NO_SPAN
from wework_message.domain.trace import TraceContext, call_context, parts_of, trace_context, trace_id_of

UNSAMPLED = TraceContext(f"{A_TRACE[:-2]}00")
STATE = TraceContext(f"{A_TRACE} vendor=1")


@pytest.fixture(autouse=True)
def _task() -> Iterator[None]:
    """Each test is a task of its own: what it works in ends with it."""
    token = CURRENT.set(None)
    yield
    CURRENT.reset(token)


@pytest.fixture
def record() -> Iterator[Recorder]:
    recorder = Recorder(0.0, {})
    yield recorder
    recorder.tracing.close(LONG_S)


def recorded(probability: float | None, environ: Mapping[str, str], caller: TraceContext | None) -> bool:
    """Whether a request is recorded."""
    recorder = Recorder(probability, environ)
    try:
        span = recorder.tracer.serving("POST", caller)
        if span is not None:
            span.answered("/r", 200)
        assert recorder.tracer.current() is None
        return span is not None
    finally:
        recorder.tracing.close(LONG_S)


def test_a_message_is_one_trace_from_its_request_on(record: Recorder) -> None:
    tracer = record.tracer
    request = tracer.serving("POST", STATE)
    assert request is not None
    accept = tracer.accepting("ASYNC")
    assert accept.context is not None
    message, attempt = a_message(trace=accept.context), an_attempt()
    accept.end()
    served = tracer.current()
    request.answered("/api/messages/send", 202)
    call = tracer.calling(message, attempt)
    assert call.context == tracer.current() == call_context(accept.context, message.id, 1)
    call.end("ACCEPTED")
    tracer.recording(call.context).end()
    tracer.reported(accept.context, message.id, 1, served, since_ms=1_750_000_000_000)
    hook = tracer.delivering(a_delivery("e-1", trace=accept.context))
    assert hook.context is not None
    assert parts_of(hook.context).state == "vendor=1"
    hook.end("DELIVERED")
    spans = {span.name: span for span in record.spans()}
    parents = {name: span.parent for name, span in spans.items()}
    assert parents == {
        "POST /api/messages/send": CLIENT,
        "accept": spans["POST /api/messages/send"].id,
        "call": spans["accept"].id,
        "settle": spans["call"].id,
        "callback": spans["accept"].id,
        "webhook": spans["accept"].id,
    }
    assert spans["callback"].near == {spans["accept"].id, spans["call"].id, spans["POST /api/messages/send"].id}
    assert spans["call"].attributes["wework_message.attempt_id"] == f"{message.id}.1"
    assert spans["accept"].attributes["messaging.operation.type"] == "create"
    assert spans["POST /api/messages/send"].attributes == {
        "http.request.method": "POST", "http.route": "/api/messages/send", "http.response.status_code": 202,
    }  # fmt: skip


def test_where_a_message_waits_spans_link(record: Recorder) -> None:
    tracer, message = record.tracer, a_message(trace=A_TRACE)
    sent = tracer.publishing("due", [A_TRACE, A_TRACE], 2)
    sent.end("ok")
    received = tracer.received("due", "group", sent.context)
    assert received is not None
    claim = tracer.claimed([message, a_message()], [received], since_ms=0)
    tracer.calling(message, an_attempt(), claim).end("UNCERTAIN", failed=True)
    tracer.calling(message, an_attempt(), recalling=True).end("ACCEPTED")
    spans = {span.name: span for span in record.spans()}
    assert spans["send due"].near == {CLIENT}
    assert spans["receive due"].near == {spans["send due"].id}
    assert spans["claim"].near == {CLIENT, spans["receive due"].id}
    assert spans["call"].near == {CLIENT, spans["claim"].id}
    assert spans["recall"].parent == spans["call"].id
    assert [spans[name].parent for name in ("send due", "receive due", "claim")] == [None] * 3
    assert spans["receive due"].attributes["messaging.consumer.group.name"] == "group"
    assert record.statuses()["call"] is StatusCode.ERROR
    assert spans["call"].attributes["error.type"] == "UNCERTAIN"


def test_a_call_that_was_claimed_passes_the_tracestate_on(record: Recorder) -> None:
    message, tracer = a_message(trace=STATE), record.tracer
    claim = tracer.claimed([message], [], since_ms=0)
    call = tracer.calling(message, an_attempt(), claim)
    assert claim is not None
    assert call.context == call_context(STATE, message.id, 1)
    assert parts_of(claim).state == ""


def test_no_span_ends_before_it_begins(record: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "time", SimpleNamespace(time_ns=lambda: 7))  # the clock was set back
    record.tracer.reported(A_TRACE, a_message().id, 1, None, since_ms=1_750_000_000_000)
    record.spans()
    assert record.begins() == [7]


def test_a_queued_send_links_to_its_producer(record: Recorder) -> None:
    tracer = record.tracer
    taken = tracer.taking("intake", A_TRACE)
    assert tracer.current() == taken.context
    tracer.accepting("ASYNC").end()
    taken.end("stored")
    assert tracer.current() is None
    assert tracer.taking("intake", UNSAMPLED) is NO_SPAN
    assert tracer.taking("intake", None) is NO_SPAN  # a trace that begins here, of which none is recorded
    spans = {span.name: span for span in record.spans()}
    assert spans["process intake"].near == {CLIENT}
    assert spans["accept"].parent == spans["process intake"].id


def test_what_is_not_recorded_has_nothing_that_follows(record: Recorder) -> None:
    tracer, message = record.tracer, a_message()
    assert tracer.serving("POST", UNSAMPLED) is None
    assert tracer.serving("POST", None) is None
    assert tracer.accepting("SYNC") is NO_SPAN
    assert tracer.claimed([message], [A_TRACE], since_ms=0) is None
    assert tracer.calling(message, an_attempt()) is NO_SPAN
    assert tracer.recording(None) is NO_SPAN
    assert tracer.delivering(a_delivery("e-1")) is NO_SPAN
    assert tracer.publishing("due", [], 3) is NO_SPAN
    assert tracer.received("due", "group", None) is None
    assert tracer.received("due", "group", UNSAMPLED) is None
    assert tracer.current() is None
    assert record.spans() == []


def test_a_stored_context_that_is_none_stops_no_call(record: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    broken = TraceContext("broken")
    message, tracer = a_message(trace=broken), record.tracer
    assert tracer.calling(message, an_attempt()) is NO_SPAN
    assert tracer.claimed([message], [], since_ms=0) is None
    assert tracer.delivering(a_delivery("e-1", trace=broken)) is NO_SPAN
    tracer.reported(broken, message.id, 1, None, since_ms=0)
    assert [record.getMessage() for record in caplog.records] == ["a span could not be made"] * 4


@pytest.mark.parametrize(
    ("probability", "environ", "caller", "is_recorded"),
    [
        (1.0, {}, None, True),
        (0.0, {}, None, False),
        (0.0, {}, A_TRACE, True),
        (1.0, {}, UNSAMPLED, False),
        (0.0, {"OTEL_TRACES_SAMPLER": "always_on"}, None, False),
        (None, {"OTEL_TRACES_SAMPLER": "always_on"}, None, True),
    ],
)
def test_who_says_what_is_recorded(
    probability: float | None, environ: Mapping[str, str], caller: TraceContext | None, is_recorded: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in environ.items():
        monkeypatch.setenv(name, value)  # the SDK reads its own
    assert recorded(probability, environ, caller) is is_recorded


@pytest.mark.parametrize("environ", [{}, {"OTEL_TRACES_SAMPLER": " "}])
def test_a_tenth_is_recorded_where_nobody_says_anything(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    usual = Recorder(None, environ)
    assert "TraceIdRatioBased{0.1}" in usual.tracing.provider.sampler.get_description()
    usual.tracing.close(LONG_S)


def test_a_sampler_that_there_is_not_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "opentelemetry")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "tenth")
    Recorder(None, {"OTEL_TRACES_SAMPLER": "tenth"}).tracing.close(LONG_S)
    assert ["tenth" in record.getMessage() for record in caplog.records] == [True]


def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    unnamed = Recorder(0.0, {})
    monkeypatch.setenv("OTEL_SERVICE_NAME", "own")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    named = Recorder(0.0, {})
    for recorder in (unnamed, named):
        recorder.tracing.close(LONG_S)
    assert unnamed.resource.attributes["service.name"] == "wework-message"
    assert unnamed.resource.attributes["service.version"] == "1.2"
    assert named.resource.attributes["service.name"] == "own"
    assert named.resource.attributes["deployment.environment.name"] == "test"


@pytest.mark.parametrize(("text", "size"), [("7", 7), ("", 2048), ("0", 2048), ("-1", 2048), ("many", 2048)])
def test_the_environment_says_how_many_spans_may_wait(text: str, size: int) -> None:
    recorder = Recorder(0.0, {"OTEL_BSP_MAX_QUEUE_SIZE": text})
    recorder.tracing.close(LONG_S)
    assert recorder.tracing.export._max_queue == size


@pytest.mark.parametrize(("status", "error"), [(404, None), (500, "500"), (0, "no answer")])
def test_a_request_has_failed_where_the_server_did(status: int, error: str | None, record: Recorder) -> None:
    request = record.tracer.serving("OTHER", A_TRACE)
    assert request is not None
    request.answered("UNMATCHED", status)
    (span,) = record.spans()
    assert span.attributes["http.request.method"] == "_OTHER"
    assert span.attributes.get("error.type") == error


def test_a_trace_that_begins_here_can_be_read_as_any_other() -> None:
    recorder = Recorder(1.0, {})
    request = recorder.tracer.serving("GET", None)
    context = recorder.tracer.current()
    assert request is not None
    assert context is not None
    request.answered("/r", 200)
    assert trace_context(context) == context
    (span,) = recorder.spans()
    assert span.id == (trace_id_of(context), parts_of(context).span_id)
