"""Traces through the API and its application: what a request brings, what is recorded, and what that may cost."""

import gc
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.support.apps.raw_http import raw_http
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, empty_metrics, serving
from tests.support.exporters import ScriptedExporter
from tests.support.traces import CLIENT, LONG_S, TRACEPARENT, Recorder, connected
from tests.unit.domain.test_trace import MALFORMED

from wework_message.adapters.tracing.provider import open_tracing
from wework_message.adapters.tracing.tracer import OtelTracer

TRACED = {"traceparent": TRACEPARENT}


@pytest.fixture(scope="module")
def opened() -> Iterator[Recorder]:
    recorder = Recorder(0.0, {})
    yield recorder
    recorder.tracing.close(LONG_S)


@pytest.fixture
def recorder(opened: Recorder) -> Recorder:
    """Nothing is recorded but what a client records."""
    opened.forget()
    return opened


async def test_a_malformed_traceparent_is_as_if_there_was_none(recorder: Recorder) -> None:
    async with serving(dispatching=False, tracer=recorder.tracer) as rest:
        for number, text in enumerate(MALFORMED):
            headers = [(b"traceparent", text.encode()), (b"traceparent", b"")][: 2 if number % 2 else 1]
            if text.strip() != TRACEPARENT:  # a server takes the blanks off
                answer = await rest.post(ASYNC, TEXT, headers=headers)
                assert answer.status_code == 202, answer.text
    assert recorder.spans() == []


async def test_what_a_client_records_is_recorded_to_its_end_and_nothing_else(recorder: Recorder) -> None:
    async with serving(tracer=recorder.tracer, metrics=empty_metrics) as rest:
        assert (await rest.post(SEND, TEXT)).status_code == 200
        assert (await rest.post(SEND, TEXT | {"content": "other"}, headers=TRACED)).status_code == 200
        batch = {"messages": [TEXT | {"conversationId": f"S:{number}"} for number in range(2)]}
        assert (await rest.post(BATCH, batch, headers=TRACED)).status_code == 202
        for path in ("/actuator/prometheus", "/actuator/health", "/api/health"):
            await rest.get(path, headers=TRACED)
        assert (await rest.get("/nowhere", headers=TRACED)).status_code == 404
        assert (await rest.post(SEND, {"guid": "g"}, headers=TRACED)).status_code == 422
        messages = (await rest.get("/api/messages?limit=9")).json()["data"]["items"]
        for message in messages:
            await rest.reaches(message["messageId"], "SENT")
    spans = recorder.spans()
    assert connected(spans) == spans
    names = sorted(span.name for span in spans if span.name != "claim")
    served = ["POST /api/messages/send", "POST /api/messages/send", "POST /api/messages/send/batch"]
    assert names == sorted([*served, "GET UNMATCHED", *["accept"] * 2, *["call"] * 3, *["settle"] * 3])
    assert {span.id[0] for span in spans if span.name != "claim"} == {CLIENT[0]}


async def test_a_pipelined_request_is_not_in_the_trace_of_the_one_before(recorder: Recorder) -> None:
    async with raw_http(dispatching=False, tracer=recorder.tracer) as http:
        connection = await http.connect()
        for number, headers in enumerate([[f"traceparent: {TRACEPARENT}", "tracestate: a=1"], []]):
            body = msgspec.json.encode(TEXT | {"conversationId": f"S:{number}"})
            connection.begin_post(ASYNC, f"Content-Length: {len(body)}", *headers)
            connection.write(body)
        for _ in range(2):
            assert (await connection.answer())[0] == 202
    assert sorted(span.name for span in recorder.spans()) == ["POST /api/messages/send/async", "accept"]


async def test_what_is_refused_ends_its_span_too(recorder: Recorder) -> None:
    async with serving(tracer=recorder.tracer, dispatching=False) as rest:
        rest.in_memory_app.database.away = True
        assert (await rest.post(ASYNC, TEXT, headers=TRACED)).status_code == 503
        rest.in_memory_app.database.away = False
    errors = {span.name: span.attributes.get("error.type") for span in recorder.spans()}
    assert errors == {"accept": "UnavailableError", "POST /api/messages/send/async": "503"}


@pytest.mark.parametrize("refuses", [False, True], ids=["hangs", "refuses"])
async def test_an_exporter_that_does_not_take_spans_delays_no_send(refuses: bool) -> None:
    exporter, dropped = ScriptedExporter(*[OSError("away")] * 1000), list[int]()
    if refuses:
        exporter.go.set()
    environ = {"OTEL_BSP_MAX_QUEUE_SIZE": "2", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
    tracing = open_tracing(
        version="0", endpoint=None, probability=1.0, dropped=dropped.append, exporter=exporter, environ=environ
    )
    tracer, ended = OtelTracer(tracing.provider, tracing.ids, "0"), 20 * len(["POST", "accept", "call", "settle"])
    try:
        async with serving(tracer=tracer) as rest:
            for number in range(20):
                assert (await rest.post(SEND, TEXT | {"conversationId": f"S:{number}"})).status_code == 200
            assert len(rest.in_memory_app.gateway.executed) == 20
            assert refuses or not exporter.go.is_set()  # all of it was sent while the exporter hung
        exporter.go.set()
    finally:
        tracing.close(LONG_S)
    assert (exporter.exported, sum(dropped)) == ([], ended)


async def test_metrics_have_exemplars_for_those_who_accept_them() -> None:
    def with_traces() -> tuple[bytes, str]:
        return b"# EOF\n", "application/openmetrics-text; version=1.0.0"

    async def plain(accept: str, **settings: Any) -> bool:
        async with serving(dispatching=False, metrics=empty_metrics, **settings) as rest:
            answer = await rest.get("/actuator/prometheus", headers={"Accept": accept})
            return str(answer.headers["content-type"]).startswith("text/plain")

    prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    assert await plain(prometheus)
    assert not await plain(prometheus, metrics_with_traces=with_traces)
    for accept in ("*/*", "text/plain", "application/openmetrics-text;q=0, text/plain", ""):
        assert await plain(accept, metrics_with_traces=with_traces)


async def test_a_traced_request_is_gone_with_its_answer_without_the_garbage_collector(recorder: Recorder) -> None:
    def kept() -> int:
        return sum(type(known).__module__ == OtelTracer.__module__ for known in gc.get_objects())

    async with serving(tracer=recorder.tracer, dispatching=False) as rest:
        await rest.get("/nowhere", headers=TRACED)
        gc.collect()
        before = kept()
        gc.disable()
        try:
            assert (await rest.get("/nowhere", headers=TRACED)).status_code == 404
            assert kept() == before
        finally:
            gc.enable()
    assert len(recorder.spans()) == 2
