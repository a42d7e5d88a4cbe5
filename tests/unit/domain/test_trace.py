"""W3C trace contexts: what is well formed is passed on, everything else is as if it had not come."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import A_LONG_TRACE, A_TRACE, a_message, an_attempt
from tests.support.builders.webhooks import a_delivery

from wework_message.domain.ids import MessageId
from wework_message.domain.ports.no_tracer import NO_SPAN, NO_TRACER
from wework_message.domain.trace import (
    MAX_LENGTH,
    TraceContext,
    call_context,
    carried,
    context_in,
    parts_of,
    trace_context,
    trace_id_of,
)

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT: Final = f"00-{TRACE_ID}-{SPAN_ID}-01"
MALFORMED: Final = [
    "",
    "00",
    TRACE_ID,
    PARENT[:-1],
    PARENT[1:],
    PARENT.upper(),
    PARENT.replace("-", "_"),
    f" {PARENT}",
    f"{PARENT}\n",
    f"{PARENT}-",
    f"{PARENT}-00",
    f"{PARENT}0",
    f"ff{PARENT[2:]}",
    f"0x{PARENT[2:]}",
    f"01{PARENT[2:]}00",
    f"00-{'0' * 32}-{SPAN_ID}-01",
    f"00-{TRACE_ID}-{'0' * 16}-01",
    f"00-{TRACE_ID[:-1]}-{SPAN_ID}-01",
    f"00-{TRACE_ID}0-{SPAN_ID}-01",
    f"00-{TRACE_ID[:-1]}g-{SPAN_ID}-01",
    f"00-{TRACE_ID}-{SPAN_ID[:-1]}-01",
    f"00-{TRACE_ID}-{SPAN_ID}-",
    f"00-{TRACE_ID}-{SPAN_ID}-1",
    f"00-{TRACE_ID}-{SPAN_ID}-0g",
    f"00-{TRACE_ID}-{SPAN_ID}-01,{PARENT}",
    f"00-{TRACE_ID}-{SPAN_ID}-0\u0661",
]


@pytest.mark.parametrize("traceparent", MALFORMED)
def test_a_malformed_traceparent_is_none(traceparent: str) -> None:
    assert trace_context(traceparent, "vendor=1") is None


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    assert trace_context(text, text) is None
    assert trace_context(PARENT, text) is not None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert trace_context(f"cc{PARENT[2:]}-more") == trace_context(f"cc{PARENT[2:]}") == PARENT


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("ff", True)])
def test_only_the_flag_of_sampling_is_passed_on(flags: str, sampled: bool) -> None:
    trace = trace_context(f"00-{TRACE_ID}-{SPAN_ID}-{flags}")
    assert trace is not None
    assert parts_of(trace) == (TRACE_ID, SPAN_ID, sampled, "")
    assert trace.endswith("-01" if sampled else "-00")
    assert trace_id_of(trace) == TRACE_ID


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"),
        (" a=1 ,\tb@c=x y , ,", "a=1,b@c=x y"),
        ("0a-_*/z=!~", "0a-_*/z=!~"),
        ("a", ""),
        ("A=1", ""),
        ("a=", ""),
        ("a=1=2", ""),
        ("a=\u00e9", ""),
        ("a=1,a=2", ""),
        (",".join(f"k{number}=1" for number in range(32)), ",".join(f"k{number}=1" for number in range(32))),
        (",".join(f"k{number}=1" for number in range(33)), ""),
        (f"a={'v' * 256},b={'v' * 251}", f"a={'v' * 256},b={'v' * 251}"),
        (f"a={'v' * 256},b={'v' * 252}", ""),
        (f"a={'v' * 257}", ""),
        pytest.param(f"a=1{' ' * 2045}", "a=1", id="long"),
        pytest.param(f"a=1{' ' * 2046}", "", id="too long"),
        (None, ""),
    ],
)
def test_a_tracestate_is_passed_on_as_a_whole_or_not_at_all(state: str | None, kept: str) -> None:
    trace = trace_context(PARENT, state)
    assert trace == (f"{PARENT} {kept}" if kept else PARENT)
    assert len(trace) <= MAX_LENGTH


@pytest.mark.parametrize(
    ("carrier", "trace"),
    [
        ([], None),
        ([("traceparent", f" {PARENT} ")], PARENT),
        ([("tracestate", "a=1"), ("traceparent", PARENT), ("other", "x"), ("tracestate", "b=2")], f"{PARENT} a=1,b=2"),
        ([("traceparent", PARENT), ("traceparent", PARENT)], None),
        ([("tracestate", "a=1")], None),
    ],
)
def test_a_context_is_read_from_headers_or_properties(carrier: Sequence[tuple[str, str]], trace: str | None) -> None:
    assert context_in(carrier) == trace


@pytest.mark.parametrize("trace", [A_TRACE, A_LONG_TRACE])
def test_what_carries_a_context_is_read_as_the_same(trace: TraceContext) -> None:
    assert context_in(carried(trace)) == trace
    assert len(A_LONG_TRACE) == MAX_LENGTH
    assert carried(None) == ()


def test_the_span_of_a_call_follows_from_what_is_stored() -> None:
    message_id, other = MessageId("m-1"), MessageId("m-2")
    calls = [call_context(A_LONG_TRACE, message_id, number) for number in (1, 2)]
    assert calls[0] == call_context(A_LONG_TRACE, message_id, 1)
    assert len({*calls, call_context(A_LONG_TRACE, other, 1), A_LONG_TRACE}) == 4
    assert {trace_id_of(call) for call in calls} == {trace_id_of(A_LONG_TRACE)}
    assert {parts_of(call)[2:] for call in calls} == {parts_of(A_LONG_TRACE)[2:]}
    assert call_context(A_TRACE, message_id, 1) == "00-4bf92f3577b34da6a3ce929d0e0e4736-051ec0ea64f03001-01"
    assert trace_context(calls[0].partition(" ")[0]) is not None


def test_where_traces_are_off_nothing_is_recorded() -> None:
    tracer, message, attempt = NO_TRACER, a_message(trace=A_TRACE), an_attempt()
    assert tracer.serving("GET", A_TRACE) is None
    spans = [
        tracer.taking("topic", A_TRACE),
        tracer.accepting("SYNC"),
        tracer.calling(message, attempt, A_TRACE, recalling=True),
        tracer.recording(A_TRACE),
        tracer.delivering(a_delivery("e-1")),
        tracer.publishing("topic", [A_TRACE], 1),
    ]
    assert {*spans} == {NO_SPAN}
    NO_SPAN.end("word", failed=True)
    tracer.reported(A_TRACE, message.id, 1, None, since_ms=0)
    contexts = [tracer.current(), tracer.claimed([message], [A_TRACE], since_ms=0), tracer.received("t", "g", A_TRACE)]
    assert {*contexts, NO_SPAN.context} == {None}
