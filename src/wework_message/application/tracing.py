"""The span in which a task works, and spans around what may raise."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from wework_message.domain.ports.tracer import Span
from wework_message.domain.trace import TraceContext

CURRENT: Final[ContextVar[TraceContext | None]] = ContextVar("trace", default=None)
"""The span in which the present task works; a tracer sets it, and lines of the log and metrics name its trace."""


@contextmanager
def ended(span: Span) -> Iterator[None]:
    """The span is done at the end; where that is an error, by the name of its class."""
    try:
        yield
    except BaseException as error:
        span.end(type(error).__name__, failed=True)
        raise
    span.end()
