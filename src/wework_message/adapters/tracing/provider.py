"""The provider of the OpenTelemetry SDK: what is sampled, who we are, and where spans go. `OTEL_*` variables count as everywhere."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_QUEUE_SIZE,
    OTEL_BSP_SCHEDULE_DELAY,
    OTEL_TRACES_SAMPLER,
)
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, get_current_span
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

from wework_message.adapters.tracing.export import DELAY_S, MAX_BATCH, MAX_QUEUE, BoundedExport

USUAL_PROBABILITY: Final = 0.1
"""Of a trace that begins here, where neither a setting nor `OTEL_TRACES_SAMPLER` says how many are recorded (Spring's own default)."""

SERVICE: Final = "wework-message"
_UNNAMED: Final = "unknown_service"


class SpanIds(RandomIdGenerator):
    """Random ids, and once the one that was given last: that of a call follows from what is stored."""

    def __init__(self) -> None:
        """Belongs to one thread."""
        self._next: int | None = None

    def use(self, span_id: int) -> None:
        """The next span has this id."""
        self._next = span_id

    def generate_span_id(self) -> int:
        span_id, self._next = self._next, None
        return super().generate_span_id() if span_id is None else span_id


class Linked(Sampler):
    """Records what has a link to something that is recorded; everything else as `other` says."""

    def __init__(self, other: Sampler) -> None:
        """`other` decides about what begins a trace, or has a parent."""
        self._other = other

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if links and any(link.context.trace_flags.sampled for link in links):
            parent = get_current_span(parent_context).get_span_context()
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, parent.trace_state)
        return self._other.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"Linked({self._other.get_description()})"


@dataclass(frozen=True, slots=True)
class Tracing:
    """A provider and what it needs."""

    provider: TracerProvider
    ids: SpanIds
    export: BoundedExport

    def close(self, timeout_s: float) -> None:
        """Export what is queued, for at most `timeout_s`. Blocks."""
        self.export.close(timeout_s)


def open_tracing(
    *,
    version: str,
    endpoint: str | None,
    probability: float | None,
    dropped: Callable[[int], None],
    exporter: SpanExporter | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Tracing:
    """The provider of this process, which has its own thread: open it after a fork.

    `endpoint` is the whole URL of the OTLP receiver; None = as `OTEL_EXPORTER_OTLP_*` says. `probability` of traces that begin here;
    None = as `OTEL_TRACES_SAMPLER` says, or `USUAL_PROBABILITY`.
    """
    ids = SpanIds()
    sampler = None
    if probability is not None or not environ.get(OTEL_TRACES_SAMPLER, "").strip():
        sampler = ParentBased(TraceIdRatioBased(USUAL_PROBABILITY if probability is None else probability))
    provider = TracerProvider(sampler, _resource(version), shutdown_on_exit=False, id_generator=ids)
    provider.sampler = Linked(provider.sampler)
    # What it says until here is about its own variables. Errors of an exporter may quote addresses and headers, one for each
    # batch: `BoundedExport` says once that there is trouble.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    export = BoundedExport(
        exporter or OTLPSpanExporter(endpoint=endpoint),
        dropped,
        max_queue=_number(environ, OTEL_BSP_MAX_QUEUE_SIZE, MAX_QUEUE),
        max_batch=_number(environ, OTEL_BSP_MAX_EXPORT_BATCH_SIZE, MAX_BATCH),
        delay_s=_number(environ, OTEL_BSP_SCHEDULE_DELAY, int(DELAY_S * 1000)) / 1000,
    )
    provider.add_span_processor(export)
    return Tracing(provider, ids, export)


def _resource(version: str) -> Resource:
    """Who we are: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say it, else our name and version."""
    named = Resource.create({})
    usual = {SERVICE_VERSION: version}
    if str(named.attributes.get(SERVICE_NAME, _UNNAMED)).startswith(_UNNAMED):
        named = Resource({key: value for key, value in named.attributes.items() if key != SERVICE_NAME})
        usual[SERVICE_NAME] = SERVICE
    return Resource(usual).merge(named)


def _number(environ: Mapping[str, str], name: str, usual: int) -> int:
    """A number above 0 of a variable; what is none counts as not set, as in the SDK."""
    text = environ.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else usual
