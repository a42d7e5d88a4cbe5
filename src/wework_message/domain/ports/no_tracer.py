"""The tracer that records nothing: traces are off."""

# ruff: noqa: ARG002 -- it looks at nothing

from collections.abc import Sequence
from typing import Final

from wework_message.domain.ids import MessageId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.ports.tracer import RequestSpan, Span, Tracer
from wework_message.domain.trace import TraceContext
from wework_message.domain.webhooks.delivery import Delivery


class NoSpan:
    """Is not recorded."""

    context: Final = None

    def end(self, outcome: str | None = None, *, failed: bool = False) -> None:
        """Nothing happens."""


NO_SPAN: Final = NoSpan()


class NoTracer:
    """Records nothing."""

    def current(self) -> TraceContext | None:
        """None."""
        return None

    def serving(self, method: str, caller: TraceContext | None) -> RequestSpan | None:
        """None."""
        return None

    def taking(self, topic: str, producer: TraceContext | None) -> Span:
        """Not recorded."""
        return NO_SPAN

    def accepting(self, mode: str) -> Span:
        """Not recorded."""
        return NO_SPAN

    def claimed(
        self,
        messages: Sequence[Message],
        woken_by: Sequence[TraceContext],
        *,
        since_ms: int,
    ) -> TraceContext | None:
        """None."""
        return None

    def calling(
        self,
        message: Message,
        attempt: Attempt,
        claim: TraceContext | None = None,
        *,
        recalling: bool = False,
    ) -> Span:
        """Not recorded."""
        return NO_SPAN

    def recording(self, call: TraceContext | None) -> Span:
        """Not recorded."""
        return NO_SPAN

    def reported(
        self, trace: TraceContext, message_id: MessageId, number: int, request: TraceContext | None, *, since_ms: int
    ) -> None:
        """Nothing happens."""

    def delivering(self, delivery: Delivery) -> Span:
        """Not recorded."""
        return NO_SPAN

    def publishing(self, topic: str, traces: Sequence[TraceContext], count: int) -> Span:
        """Not recorded."""
        return NO_SPAN

    def received(self, topic: str, group: str, publisher: TraceContext | None) -> TraceContext | None:
        """None."""
        return None


NO_TRACER: Final = NoTracer()
"""Traces are off."""


def _conforms(tracer: NoTracer, span: NoSpan) -> tuple[Tracer, Span]:
    return tracer, span
