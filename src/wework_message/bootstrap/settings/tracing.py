"""Settings of traces, in Spring's keys (ADR 77), and what stops a start with them."""

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from wework_message.bootstrap.settings.errors import MissingBackendError
from wework_message.bootstrap.settings.secrets import CallbackUrl
from wework_message.bootstrap.settings.section import Section

_ReceiverUrl: TypeAlias = Annotated[
    CallbackUrl, Meta(extra={"allowed": "an http or https URL without credentials and options"})
]

_PACKAGES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class SamplingSettings(Section, frozen=True):
    """Which traces are recorded."""

    probability: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Of a trace that begins here; null = as `OTEL_TRACES_SAMPLER` says, else 0.1. Who sends a `traceparent` has decided already."""


class TracingSettings(Section, frozen=True):
    """Whether traces are recorded."""

    enabled: bool | None = None
    """null = where `management.otlp.tracing.endpoint` is set; true without it = to where `OTEL_EXPORTER_OTLP_*` says."""
    sampling: SamplingSettings = SamplingSettings()


class OtlpTracingSettings(Section, frozen=True):
    """Where they go."""

    endpoint: _ReceiverUrl | None = None
    """The whole URL of the receiver (OTLP over HTTP), such as ``http://collector:4318/v1/traces``."""


class OtlpSettings(Section, frozen=True):
    """OTLP, OpenTelemetry's protocol."""

    tracing: OtlpTracingSettings = OtlpTracingSettings()


def is_traced(tracing: TracingSettings, otlp: OtlpSettings, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether spans are recorded at all; `OTEL_SDK_DISABLED=true` says no, whatever the settings are."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return otlp.tracing.endpoint is not None if tracing.enabled is None else tracing.enabled


def tracing_problems(tracing: TracingSettings, otlp: OtlpSettings) -> Iterator[MissingBackendError]:
    """The extra that traces need, where it is not installed."""
    if is_traced(tracing, otlp) and not all(map(is_installed, _PACKAGES)):
        key = "management.otlp.tracing.endpoint" if tracing.enabled is None else "management.tracing.enabled"
        yield MissingBackendError(key, "traces need the extra otel: pip install 'wework-message[otel]'")


def is_installed(package: str) -> bool:
    """Whether this package can be imported; nothing of it is run."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even the package around it is there
        return False
