"""Calls that begin with acceptance: where nothing stands in the way, a message is stored with the intent of its call (ADR 40).

Everything that holds for a claim holds here. The intent is durable before the first byte; the lane is looked at in this
transaction, and the store's guard of open lanes refuses the slower one of two processes.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

from wework_message.application.commit.scope import CommitScope, may_be_committed
from wework_message.application.dispatch.begin_call import BeginCall, StartedCall
from wework_message.application.dispatch.in_flight import Admission, InFlight
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId, ProviderCode
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Lane, Urgency
from wework_message.domain.message.snapshot import snapshot

_log: Final = logging.getLogger(__name__)


class SlotGate:
    """Who gives away the free calls of a process: a claim, or one transaction that accepts, never both at a time."""

    def __init__(self) -> None:
        """Shut for transactions that accept, until a dispatcher has caught up."""
        self.caught_up = False
        """Nothing that is due waits for a claim of this process, as far as its dispatcher knows. False without a dispatcher."""
        self._claims = 0
        self._left = asyncio.Event()
        self._left.set()

    def enter(self) -> bool:
        """Whether a transaction that accepts may give calls away, until it calls `leave`. It never waits for a claim."""
        if not self.caught_up or self._claims > 0 or not self._left.is_set():
            return False
        self._left.clear()
        return True

    def leave(self) -> None:
        """The transaction that accepts has ended."""
        self._left.set()

    @contextlib.asynccontextmanager
    async def claiming(self) -> AsyncIterator[None]:
        """For a claim: waits for the transaction that is in, and lets no other one in."""
        self._claims += 1
        try:
            await self._left.wait()
            yield
        finally:
            self._claims -= 1


class CallStarter(Protocol):
    """Makes the calls of this process."""

    @property
    def free(self) -> int:
        """Sends that may start now."""
        ...

    def start(self, started_calls: Sequence[StartedCall]) -> None:
        """Make these calls; their intents are durable."""
        ...

    def disown(self, started_calls: Sequence[StartedCall]) -> None:
        """Take these sends back, if their intents are stored: nobody makes them."""
        ...


class Decided(NamedTuple):
    """New messages as they are to be stored."""

    messages: Sequence[Message]
    placed: Mapping[MessageId, ProviderCode] = {}
    """Those of them that have a place in their budgets, by the provider whose budgets are among them."""


class BeginAtOnce:
    """Part of the transaction that accepts."""

    def __init__(self, gate: SlotGate, begin_call: BeginCall, in_flight: InFlight, starter: CallStarter) -> None:
        """`begin_call` is the rule of claims, `starter` makes the calls once they are committed."""
        self._gate = gate
        self._begin_call = begin_call
        self._in_flight = in_flight
        self._starter = starter

    async def __call__(self, scope: CommitScope, messages: Sequence[Message], now: int) -> Decided:
        """Begin the calls that nothing stands in the way of; other messages stay due. All were made due at `now`.

        Copies are decided on: a transaction that is tried again begins with the messages as they were.
        """
        lanes, free = _first_of_lanes(messages, now), self._starter.free
        if not lanes or free <= 0 or not self._gate.enter():
            return Decided(messages)
        admission, started_calls = self._in_flight.admission(), list[StartedCall]()
        scope.when_ended.append(partial(self._ended, admission, started_calls))
        left_out = self._in_flight.left_out
        busy = await scope.unit.messages.busy_lanes(list(lanes))
        able = [message for lane, message in lanes.items() if lane not in busy and message.account_id not in left_out]
        first = sorted(able, key=_urgency)[:free]
        await self._begin_call.prepare(scope.unit, first)
        decided = {message.id: await self._decide(admission, started_calls, message, now) for message in first}
        await self._begin_call.request_media(scope)
        return Decided([decided.get(message.id, message) for message in messages], admission.placed)

    async def _decide(
        self, admission: Admission, started_calls: list[StartedCall], message: Message, now: int
    ) -> Message:
        if admission.passes_over(message):
            return message
        decided = snapshot(message)
        try:
            started_call = await self._begin_call(admission, decided, paced=False, now=now)
        except UnavailableError:
            return message  # an outage of a budget is no reason to refuse a message
        except Exception:  # noqa: BLE001 -- the claim counts what raises; accepting goes on
            _log.exception("sendMessage handling raised", extra={"message_id": message.id})
            return message
        if started_call is not None:
            started_calls.append(started_call)
        elif not decided.is_waiting():
            return message  # a claim ends it, and stops its group
        return decided

    def _ended(self, admission: Admission, started_calls: Sequence[StartedCall], error: BaseException | None) -> None:
        if error is None:
            self._in_flight.admitted(admission)
            for started_call in started_calls:
                started_call.message.written()
            self._starter.start(started_calls)
        elif may_be_committed(error):
            self._starter.disown(started_calls)
        self._gate.leave()


def _first_of_lanes(messages: Sequence[Message], now: int) -> Mapping[Lane, Message]:
    """Of each lane the message that goes first, of those that may be sent now."""
    lanes: dict[Lane, Message] = {}
    for message in messages:
        if message.due is None or message.due.in_ms != 0 or now >= message.expires_at:
            continue
        lane = (message.account_id, message.conversation_id)
        first = lanes.setdefault(lane, message)
        if _urgency(message) < _urgency(first):
            lanes[lane] = message
    return lanes


def _urgency(message: Message) -> Urgency:
    return Urgency.of(message.options.priority)
