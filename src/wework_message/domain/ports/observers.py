"""Observers of what happened: logs and metrics. They never raise and never see message content."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import Moved
from wework_message.domain.media.outcome import MediaOutcome
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.standby import StandbyEvent
from wework_message.domain.stream import PullOutcome
from wework_message.domain.webhooks.delivery import DeliveryState


class Observer(Protocol):
    """Called after the commit, once per fact."""

    def accepted(self, messages: Sequence[Message]) -> None:
        """These new messages, one at least, are durable."""
        ...

    def moved(self, message: Message, move: Moved) -> None:
        """A message changed its status."""
        ...

    def delivered(self, messages: Sequence[SentMessage]) -> None:
        """Messages at rest moved from SENT to DELIVERED by their echoes (`sent_message.DELIVERED`), in one transaction."""
        ...

    def called(self, report: CallReport) -> None:
        """A call to a provider has ended."""
        ...

    def callbacks(self, notify_type: int, result: str, count: int, guid: Guid | None = None) -> None:
        """`count` callback items of this type were found `new` or `duplicate`, or reached the end that `result` names; `guid` is that of the last of them."""
        ...

    def misfits(self, misfit: Misfit, count: int, guid: Guid | None = None) -> None:
        """`count` records named a message of ours, contradicted it in this, and were quarantined; `guid` is that of the last of them."""
        ...

    def quarantined(self, reason: QuarantineReason, count: int, guid: Guid | None = None) -> None:
        """`count` records were quarantined for this, and `guid` is that of the last of them; `misfits` has the others."""
        ...

    def foreign_ids(self, count: int) -> None:
        """Callbacks that named many message ids which are none of ours: `count` ids in all."""
        ...

    def callbacks_refused(self, refusal: CallbackRefusal, count: int) -> None:
        """`count` callbacks were answered as a path that does not exist: whoever brought them may not."""
        ...

    def degraded(self, provider_code: ProviderCode, binding_id: BindingId, *, ended: bool) -> None:
        """An instance accepts sends and shows none of them again; `ended`: one was seen now."""
        ...

    def pulled(
        self, provider_code: ProviderCode, outcome: PullOutcome, *, new: int, known: int, lag_ms: int | None
    ) -> None:
        """A stream was pulled: `new` records were stored, `known` ones had come before; `lag_ms` since it was read to its end."""
        ...

    def standby(self, account_id: AccountId, event: StandbyEvent) -> None:
        """An account had no binding left to send through: what came of it."""
        ...

    def webhook(self, outcome: OutboundOutcome, state: DeliveryState) -> None:
        """An attempt to deliver an event to a client ended, and the delivery has this state then."""
        ...

    def media(self, provider_code: ProviderCode | None, outcome: MediaOutcome, *, seconds: float, size: int) -> None:
        """An upload to a provider ended, or a fetch (None); `size` of what is there now in bytes, 0 = it is not."""
        ...

    def spooled(self, count: int) -> None:
        """So many answers are in the spool of this process, because the store did not take them yet."""
        ...

    def unspooled(self, count: int) -> None:
        """So many answers that the store did not take are in memory only."""
        ...


class IntakeObserver(Protocol):
    """Called for sends that come in through a queue."""

    def intake(self, result: str, reason: str | None) -> None:
        """A message is durably `stored`, known as a `duplicate`, or kept as `dead` for `reason` and was acknowledged.

        Before, it was `received`; one that is not acknowledged is `left`. Each try that the store did not take is `unavailable`.
        """
        ...


class ServiceObserver(Observer, IntakeObserver, Protocol):
    """Called for everything that a process does."""
