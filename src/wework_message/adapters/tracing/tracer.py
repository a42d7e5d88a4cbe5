"""The spans of this service (ADR 77). Attributes follow OpenTelemetry's conventions for HTTP and messaging; our own begin with the name of the service.

No attribute has content, a conversation, a person, an account, an instance, a URL or a secret.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Token
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Span as SdkSpan

from wework_message.adapters.tracing.provider import SpanIds
from wework_message.application.tracing import CURRENT
from wework_message.domain.ids import MessageId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.ports.no_tracer import NO_SPAN
from wework_message.domain.ports.tracer import RequestSpan, Span, Tracer
from wework_message.domain.trace import TraceContext, call_context, context_of, parts_of
from wework_message.domain.webhooks.delivery import Delivery

Attributes = Mapping[str, str | int | bool]

OWN: Final = "wework_message"
"""The messaging system that our database is, and the prefix of attributes that no convention names."""

Default = TypeVar("Default")
Made = TypeVar("Made")
Parameters = ParamSpec("Parameters")

_ERROR: Final = 500
_log: Final = logging.getLogger(__name__)
_NS: Final = 1_000_000


def _or(default: Default) -> Callable[[Callable[Parameters, Made]], Callable[Parameters, Made | Default]]:
    """What a method returns that raises, by a defect or for a context that is none: nothing that is traced may fail by it."""

    def guarded(method: Callable[Parameters, Made]) -> Callable[Parameters, Made | Default]:
        @wraps(method)
        def call(*arguments: Parameters.args, **named: Parameters.kwargs) -> Made | Default:
            try:
                return method(*arguments, **named)
            except Exception:  # noqa: BLE001 -- see above
                _log.exception("a span could not be made")
                return default

        return call

    return guarded


class OtelTracer:
    """Spans of the OpenTelemetry SDK."""

    def __init__(self, provider: TracerProvider, ids: SpanIds, version: str) -> None:
        """`ids` are the generator of `provider`; both belong to the caller."""
        self._tracer = provider.get_tracer("wework_message", version)
        self._ids = ids

    def current(self) -> TraceContext | None:
        return CURRENT.get()

    @_or(None)
    def serving(self, method: str, caller: TraceContext | None) -> RequestSpan | None:
        CURRENT.set(None)  # a pipelined request begins in the task of the one before, which may be a stranger's
        method = method if method != "OTHER" else "_OTHER"
        span = self._start(method, SpanKind.SERVER, {"http.request.method": method}, parent=caller)
        return None if span.context is None else _Request(span, method)

    @_or(NO_SPAN)
    def taking(self, topic: str, producer: TraceContext | None) -> Span:
        if producer is not None and not parts_of(producer).sampled:
            return NO_SPAN
        attributes = _messaging("rocketmq", "process", topic)
        span = self._start(f"process {topic}", SpanKind.CONSUMER, attributes, links=_present(producer))
        return span if span.context is None else _Current(span)

    @_or(NO_SPAN)
    def accepting(self, mode: str) -> Span:
        parent = CURRENT.get()
        if parent is None:
            return NO_SPAN
        attributes = {**_messaging(OWN, "create"), f"{OWN}.mode": mode}
        return self._start("accept", SpanKind.PRODUCER, attributes, parent=parent)

    @_or(None)
    def claimed(
        self, messages: Sequence[Message], woken_by: Sequence[TraceContext], *, since_ms: int
    ) -> TraceContext | None:
        traces = [message.trace for message in messages if message.trace is not None]
        if not traces:
            return None
        attributes = {**_messaging(OWN, "receive"), "messaging.batch.message_count": len(messages)}
        span = self._start("claim", SpanKind.CONSUMER, attributes, links=[*traces, *woken_by], since_ms=since_ms)
        span.end()
        return span.context

    @_or(NO_SPAN)
    def calling(
        self, message: Message, attempt: Attempt, claim: TraceContext | None = None, *, recalling: bool = False
    ) -> Span:
        if message.trace is None:
            return NO_SPAN
        attributes: dict[str, str | int | bool] = {
            **_messaging(OWN, "process"),
            "messaging.message.id": message.id,
            f"{OWN}.attempt_id": f"{message.id}.{attempt.number}",
            f"{OWN}.provider": attempt.provider_code,
            f"{OWN}.message_type": message.message_type,
        }
        own, links = call_context(message.trace, message.id, attempt.number), _present(claim)
        if recalling:  # it is about a call, and has no attempt of its own
            span = self._start("recall", SpanKind.CLIENT, attributes, parent=own, links=links)
        else:
            span = self._start("call", SpanKind.CLIENT, attributes, parent=message.trace, links=links, own=own)
        if span.context is not None:
            CURRENT.set(span.context)
        return span

    @_or(NO_SPAN)
    def recording(self, call: TraceContext | None) -> Span:
        if call is None:
            return NO_SPAN
        return self._start("settle", SpanKind.INTERNAL, _messaging(OWN, "settle"), parent=call)

    @_or(None)
    def reported(
        self, trace: TraceContext, message_id: MessageId, number: int, request: TraceContext | None, *, since_ms: int
    ) -> None:
        attributes: dict[str, str | int | bool] = {
            **_messaging(OWN, "process"),
            "messaging.message.id": message_id,
            f"{OWN}.attempt_id": f"{message_id}.{number}",
        }
        links = [call_context(trace, message_id, number), *_present(request)]
        self._start("callback", SpanKind.CONSUMER, attributes, parent=trace, links=links, since_ms=since_ms).end()

    @_or(NO_SPAN)
    def delivering(self, delivery: Delivery) -> Span:
        if delivery.trace is None:
            return NO_SPAN
        attributes: dict[str, str | int | bool] = {
            "http.request.method": "POST",
            "http.request.resend_count": delivery.attempts - 1,
            f"{OWN}.event_id": delivery.event_id,
            f"{OWN}.event_type": delivery.type,
        }
        if delivery.message_id is not None:
            attributes["messaging.message.id"] = delivery.message_id
        span = self._start("webhook", SpanKind.CLIENT, attributes, parent=delivery.trace)
        if span.context is not None:
            CURRENT.set(span.context)
        return span

    @_or(NO_SPAN)
    def publishing(self, topic: str, traces: Sequence[TraceContext], count: int) -> Span:
        if not traces:
            return NO_SPAN
        attributes: dict[str, str | int | bool] = {
            **_messaging("rocketmq", "send", topic),
            f"{OWN}.message_count": count,
        }
        return self._start(f"send {topic}", SpanKind.PRODUCER, attributes, links=traces)

    @_or(None)
    def received(self, topic: str, group: str, publisher: TraceContext | None) -> TraceContext | None:
        if publisher is None or not parts_of(publisher).sampled:
            return None
        attributes = {**_messaging("rocketmq", "receive", topic), "messaging.consumer.group.name": group}
        span = self._start(f"receive {topic}", SpanKind.CONSUMER, attributes, links=[publisher])
        span.end()
        return span.context

    def _start(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        *,
        parent: TraceContext | None = None,
        links: Iterable[TraceContext] = (),
        own: TraceContext | None = None,
        since_ms: int | None = None,
    ) -> "_Recorded | Span":
        """A span; `own` is its context where it is known before."""
        context = set_span_in_context(NonRecordingSpan(_sdk_context(parent))) if parent is not None else _NO_CONTEXT
        if own is not None:
            self._ids.use(int(parts_of(own).span_id, 16))
        span = self._tracer.start_span(
            name,
            context,
            kind,
            attributes,
            [Link(_sdk_context(link)) for link in links],
            None if since_ms is None else min(since_ms * _NS, time.time_ns()),  # the clock may have been set back
        )
        sdk_context = span.get_span_context()
        if not (span.is_recording() and sdk_context.trace_flags.sampled):
            return NO_SPAN
        return _Recorded(span, _context(sdk_context))


_NO_CONTEXT: Final = set_span_in_context(NonRecordingSpan(SpanContext(0, 0, is_remote=False)))
"""Nothing of the present task's: a span without a parent begins a trace."""


class _Recorded:
    """A span of the SDK."""

    __slots__ = ("context", "span")

    def __init__(self, span: SdkSpan, context: TraceContext) -> None:
        self.span = span
        self.context: TraceContext | None = context

    def end(self, outcome: str | None = None, *, failed: bool = False) -> None:
        if outcome is not None:
            self.span.set_attribute(f"{OWN}.outcome", str(outcome))
            if failed:
                self.span.set_attribute("error.type", str(outcome))
        if failed:
            self.span.set_status(StatusCode.ERROR)
        self.span.end()


class _Current:
    """A span in which the present task works until it ends."""

    __slots__ = ("_span", "_token", "context")

    def __init__(self, span: Span) -> None:
        self._span = span
        self.context = span.context
        self._token: Token[TraceContext | None] = CURRENT.set(span.context)

    def end(self, outcome: str | None = None, *, failed: bool = False) -> None:
        CURRENT.reset(self._token)
        self._span.end(outcome, failed=failed)


class _Request:
    """The same, of an HTTP request."""

    __slots__ = ("_method", "_span", "_token")

    def __init__(self, span: "_Recorded | Span", method: str) -> None:
        self._span = span
        self._method = method
        self._token: Token[TraceContext | None] = CURRENT.set(span.context)

    def answered(self, route: str, status: int) -> None:
        CURRENT.reset(self._token)
        if isinstance(self._span, _Recorded):
            self._span.span.update_name(f"{self._method} {route}")
            self._span.span.set_attribute("http.route", route)
            if status:
                self._span.span.set_attribute("http.response.status_code", status)
            if failed := (not status or status >= _ERROR):
                self._span.span.set_attribute("error.type", str(status) if status else "no answer")
            self._span.end(failed=failed)


def _messaging(system: str, operation: str, topic: str | None = None) -> dict[str, str | int | bool]:
    attributes: dict[str, str | int | bool] = {"messaging.system": system, "messaging.operation.type": operation}
    if topic is not None:
        attributes["messaging.destination.name"] = topic
    return attributes


def _present(trace: TraceContext | None) -> Sequence[TraceContext]:
    return () if trace is None else (trace,)


def _sdk_context(trace: TraceContext) -> SpanContext:
    parts = parts_of(trace)
    flags = TraceFlags(TraceFlags.SAMPLED if parts.sampled else TraceFlags.DEFAULT)
    state = TraceState.from_header([parts.state]) if parts.state else None
    return SpanContext(int(parts.trace_id, 16), int(parts.span_id, 16), True, flags, state)


def _context(context: SpanContext) -> TraceContext:
    state = context.trace_state.to_header() if context.trace_state else ""
    return context_of(f"{context.trace_id:032x}", f"{context.span_id:016x}", sampled=True, state=state)


def _conforms(tracer: OtelTracer, span: _Recorded, current: _Current) -> tuple[Tracer, Span, Span]:
    return tracer, span, current
