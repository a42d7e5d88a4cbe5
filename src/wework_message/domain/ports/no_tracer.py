"""The tracer that records nothing: traces are off."""

# ruff: noqa: ARG002, D102 -- it looks at nothing, and the words are the port's

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
        pass


NO_SPAN: Final = NoSpan()


class NoTracer:
    """Records nothing."""

    def current(self) -> TraceContext | None:
        return None

    def serving(self, method: str, caller: TraceContext | None) -> RequestSpan | None:
        return None

    def taking(self, topic: str, producer: TraceContext | None) -> Span:
        return NO_SPAN

    def accepting(self, mode: str) -> Span:
        return NO_SPAN

    def claimed(
        self,
        claimed: Sequence[TraceContext],
        woken_by: Sequence[TraceContext],
        *,
        since_ms: int,
    ) -> TraceContext | None:
        return None

    def calling(
        self,
        message: Message,
        attempt: Attempt,
        claim: TraceContext | None = None,
        *,
        recalling: bool = False,
    ) -> Span:
        return NO_SPAN

    def recording(self, call: TraceContext | None) -> Span:
        return NO_SPAN

    def reported(
        self, trace: TraceContext, message_id: MessageId, number: int, request: TraceContext | None, *, since_ms: int
    ) -> None:
        pass

    def delivering(self, delivery: Delivery) -> Span:
        return NO_SPAN

    def publishing(self, topic: str, traces: Sequence[TraceContext], count: int) -> Span:
        return NO_SPAN

    def received(self, topic: str, group: str, publisher: TraceContext | None) -> TraceContext | None:
        return None


NO_TRACER: Final = NoTracer()
"""Traces are off."""


def _conforms(tracer: NoTracer, span: NoSpan) -> tuple[Tracer, Span]:
    return tracer, span
