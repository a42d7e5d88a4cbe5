"""The port for traces: spans of what is done, and which of them led to which (ADR 77).

A span that is not recorded has no context, and nothing that follows from it is recorded either. Spans never see content,
conversations, people or secrets. No method raises or waits.
"""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.ids import MessageId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.trace import TraceContext
from wework_message.domain.webhooks.delivery import Delivery


class Span(Protocol):
    """Something that is being done."""

    @property
    def context(self) -> TraceContext | None:
        """What is passed on to whatever follows; None where the span is not recorded."""
        ...

    def end(self, outcome: str | None = None, *, failed: bool = False) -> None:
        """It is done. `outcome` is a word of a closed set, or the class of an error."""
        ...


class RequestSpan(Protocol):
    """A request that is being answered."""

    def answered(self, route: str, status: int) -> None:
        """It is done: `route` is its template; status 0 = there was no answer."""
        ...


class Tracer(Protocol):
    """Makes the spans of one process."""

    def current(self) -> TraceContext | None:
        """The span in which the present task works; None where none is recorded."""
        ...

    def serving(self, method: str, caller: TraceContext | None) -> RequestSpan | None:
        """A request begins, which is what the present task works in until it is answered. `caller` is the context that it brought."""
        ...

    def taking(self, topic: str, producer: TraceContext | None) -> Span:
        """The same of a message of another system that came through a queue."""
        ...

    def accepting(self, mode: str) -> Span:
        """Until the messages of the present request are durable. They are stored with its context."""
        ...

    def claimed(
        self, messages: Sequence[Message], woken_by: Sequence[TraceContext], *, since_ms: int
    ) -> TraceContext | None:
        """Calls of these messages were claimed together, from `since_ms` (epoch ms) until now.

        `woken_by` are the spans of the wake-ups that led to it.
        """
        ...

    def calling(
        self, message: Message, attempt: Attempt, claim: TraceContext | None = None, *, recalling: bool = False
    ) -> Span:
        """A provider is called; the present task, which makes no other call, works in it from now on."""
        ...

    def recording(self, call: TraceContext | None) -> Span:
        """The answer of this call is being recorded."""
        ...

    def reported(
        self, trace: TraceContext, message_id: MessageId, number: int, request: TraceContext | None, *, since_ms: int
    ) -> None:
        """A callback, or a pull, has told about attempt `number` of a message with context `trace`.

        `request` is the callback's own span, where it is known.
        """
        ...

    def delivering(self, delivery: Delivery) -> Span:
        """An event is sent to a client; the present task, which sends no other one, works in it from now on."""
        ...

    def publishing(self, topic: str, traces: Sequence[TraceContext], count: int) -> Span:
        """A wake-up for `count` messages is published; some of them have these contexts."""
        ...

    def received(self, topic: str, group: str, publisher: TraceContext | None) -> TraceContext | None:
        """A wake-up has come."""
        ...
