"""Accept in a span of its own, whose context the messages are stored with (ADR 77)."""

import dataclasses
from dataclasses import dataclass

from wework_message.application.accept.accept import Accepted, AcceptMessage, AcceptMessageHandler
from wework_message.application.accept.accept_batch import AcceptBatch, AcceptBatchHandler, AcceptedBatch
from wework_message.application.tracing import ended
from wework_message.domain.ports.tracer import Tracer


@dataclass(frozen=True, slots=True)
class TracedAccept:
    """Accepts one request; raises as `accept` does."""

    accept: AcceptMessageHandler
    tracer: Tracer

    async def __call__(self, command: AcceptMessage) -> Accepted:
        """Durable when this returns."""
        span = self.tracer.accepting(command.mode)
        if span.context is None:
            return await self.accept(command)
        with ended(span):
            return await self.accept(dataclasses.replace(command, trace=span.context))


@dataclass(frozen=True, slots=True)
class TracedAcceptBatch:
    """The same for a batch: all its messages belong to one trace."""

    accept: AcceptBatchHandler
    tracer: Tracer

    async def __call__(self, command: AcceptBatch) -> AcceptedBatch:
        """Durable when this returns."""
        span = self.tracer.accepting(command.mode.value)
        if span.context is None:
            return await self.accept(command)
        with ended(span):
            items = tuple([dataclasses.replace(item, trace=span.context) for item in command.items])
            return await self.accept(dataclasses.replace(command, items=items))
