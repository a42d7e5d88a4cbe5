"""Opens the tracer that the settings ask for (ADR 77)."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from wework_message import __version__
from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.settings.http import ManagementSettings
from wework_message.bootstrap.settings.tracing import is_traced
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.tracer import Tracer

FLUSH_S: Final = 2.0
"""How long a process that ends waits for its last spans to be exported; what is left then is lost."""

_VARIABLE: Final = re.compile(r"\bOTEL_[A-Z_]+\b")


@asynccontextmanager
async def tracing(settings: ManagementSettings, dropped: Callable[[int], None]) -> AsyncIterator[Tracer]:
    """The tracer of this process, which begins with it, and not before a fork; at the end the last spans are exported.

    Raises `InvalidSettingError` for variables of OpenTelemetry that it refuses.

    `dropped` is told how many spans were lost, in any thread.
    """
    if not is_traced(settings.tracing, settings.otlp):
        yield NO_TRACER
        return
    endpoint = settings.otlp.tracing.endpoint
    try:  # the SDK reads some variables where it is imported
        from wework_message.adapters.tracing.provider import open_tracing  # noqa: PLC0415 -- ADR 29: only where it is used
        from wework_message.adapters.tracing.tracer import OtelTracer  # noqa: PLC0415 -- the same

        opened = open_tracing(
            version=__version__,
            endpoint=None if endpoint is None else endpoint.reveal(),
            probability=settings.tracing.sampling.probability,
            dropped=dropped,
        )
    except (ValueError, RuntimeError) as error:  # its text may hold what was set
        named = _VARIABLE.search(str(error))
        reason = f"{named[0] if named else 'a variable OTEL_*'} does not allow a start: {type(error).__name__}"
        raise InvalidSettingError("management.tracing", reason) from None
    try:
        yield OtelTracer(opened.provider, opened.ids, __version__)
    finally:
        await asyncio.to_thread(opened.close, FLUSH_S)
