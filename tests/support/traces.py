"""Spans that a test has received, and the graph that they are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from tests.support.builders.messages import A_TRACE

from wework_message.adapters.tracing.provider import Tracing, open_tracing
from wework_message.adapters.tracing.tracer import OtelTracer

CLIENT: Final = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
"""Trace and span of `TRACEPARENT`."""

TRACEPARENT: Final[str] = A_TRACE

LONG_S: Final = 30.0
"""A limit that no passing test reaches."""

SpanId = tuple[str, str]
"""Ids of a trace and of a span."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as its receiver sees it."""

    name: str
    id: SpanId
    near: frozenset[SpanId]
    """Its parent, and what it links to."""
    attributes: dict[str, Any]
    parent: SpanId | None = None

    @classmethod
    def of(cls, span: ReadableSpan) -> Self:
        """One of the SDK."""
        context, parent = span.get_span_context(), span.parent
        assert context is not None
        near = {_ids(link.context) for link in span.links} | ({_ids(parent)} if parent is not None else set())
        own_parent = None if parent is None else _ids(parent)
        return cls(span.name, _ids(context), frozenset(near), dict(span.attributes or {}), own_parent)


def _ids(context: Any) -> SpanId:
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def exported(bodies: Iterable[bytes]) -> list[Seen]:
    """The spans in requests of OTLP over HTTP."""
    seen: list[Seen] = []
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    trace_id = span.trace_id.hex()
                    parent = (trace_id, span.parent_span_id.hex()) if span.parent_span_id else None
                    near = {(link.trace_id.hex(), link.span_id.hex()) for link in span.links}
                    near |= {parent} if parent is not None else set()
                    attributes = {item.key: _value(item.value) for item in span.attributes}
                    seen.append(Seen(span.name, (trace_id, span.span_id.hex()), frozenset(near), attributes, parent))
    return seen


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


def connected(spans: Sequence[Seen], start: SpanId = CLIENT) -> list[Seen]:
    """Those that parents and links lead to from `start`, in either direction; also over spans that nobody has received."""
    beside: dict[SpanId, set[SpanId]] = defaultdict(set)
    for span in spans:
        for other in span.near:
            beside[span.id].add(other)
            beside[other].add(span.id)
    reached, new = {start}, {start}
    while new:
        new = {other for span_id in new for other in beside[span_id]} - reached
        reached |= new
    return [span for span in spans if span.id in reached]


class Recorder:
    """A tracer, and what it has recorded."""

    def __init__(self, probability: float | None, environ: Mapping[str, str]) -> None:
        self._exporter = InMemorySpanExporter()
        self.dropped: list[int] = []
        self.tracing: Tracing = open_tracing(
            version="1.2", endpoint=None, probability=probability, dropped=self.dropped.append, exporter=self._exporter,
            environ=environ,
        )  # fmt: skip
        self.tracer = OtelTracer(self.tracing.provider, self.tracing.ids, "1.2")

    def spans(self) -> list[Seen]:
        """Those that have ended since the last call of `forget`."""
        assert self.tracing.export.force_flush()
        assert self.dropped == []
        return [Seen.of(span) for span in self._exporter.get_finished_spans()]

    def forget(self) -> None:
        self.spans()
        self._exporter.clear()

    def begins(self) -> list[int]:
        """When they began, ns since the epoch."""
        return [span.start_time or 0 for span in self._exporter.get_finished_spans()]

    def statuses(self) -> Mapping[str, StatusCode]:
        assert self.tracing.export.force_flush()
        return {span.name: span.status.status_code for span in self._exporter.get_finished_spans()}

    @property
    def resource(self) -> Resource:
        return self.tracing.provider.resource
