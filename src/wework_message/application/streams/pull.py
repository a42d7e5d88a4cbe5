"""Pull the message streams of one provider's instances: callbacks that were lost are found, and UNKNOWN is settled."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.commit.scope import Commits
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.streams.absent import Instance, SettleAbsent
from wework_message.application.streams.choosing import StreamTurns
from wework_message.application.streams.store import Pulled, StoredPull, StorePulled
from wework_message.application.waiting import set_within
from wework_message.domain.account import Binding, BindingState, Standby
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.streams import PulledPage, StreamPuller, StreamReader
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.breaker import BreakerState
from wework_message.domain.routing.provider import Provider
from wework_message.domain.stream import PullOutcome, StreamPosition, StreamSupport

POLL_S: Final = 1.0
"""Between two rounds, at least."""

SIDE_BY_SIDE: Final = 2
"""Pulls of one provider at a time: fewer than the connections for calls that are no sends."""

LIMIT: Final = 100
"""Records of one pull, as the vendor's own default."""

LEASE_MS: Final = 60_000
"""Longer than two pulls at a provider that answers neither take."""

RENEW_MS: Final = 15_000
"""How often the lease is renewed, or asked for."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamWrites:
    """Where pulls are written."""

    callbacks: Commits
    store: StorePulled
    settlements: Commits
    settle_absent: SettleAbsent


class PullStreams:
    """One provider's streams; one process of the cluster at a time pulls them, whichever has the lease."""

    def __init__(
        self,
        provider: Provider,
        puller: StreamPuller,
        turns: StreamTurns,
        reader: StreamReader,
        writes: StreamWrites,
        candidates: Candidates,
        lease: ClusterLease,
        observer: Observer,
        clock: Clock,
    ) -> None:
        """`candidates` knows what is paused and how instances are."""
        self._provider = provider
        self._puller = puller
        self._turns = turns
        self._reader = reader
        self._writes = writes
        self._candidates = candidates
        self._lease = lease
        self._observer = observer
        self._clock = clock
        self._asked_at = float("-inf")
        self._holds = False
        self._unreadable = False
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """`run` returns after the pulls at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopped.is_set():
            try:
                await self.round()
            except UnavailableError as error:
                _log.info("streams of %s wait: %s", self._provider.code, error)
            except Exception:  # noqa: BLE001 -- one defect must not end all pulling
                _log.exception("streams of %s could not be pulled", self._provider.code)
            await set_within(self._stopped, POLL_S)
        if self._holds:
            await self._lease.release()

    async def round(self) -> None:
        """Pull the streams whose turn it is. Raises what the first that failed raised, such as `UnavailableError`."""
        if not self._may_call() or not await self._may_pull():
            return
        chosen = [binding for binding in await self._turns.next(self._clock.boot()) if self._is_usable(binding)]
        positions = await self._reader.positions(self._provider.code, [binding.guid for binding in chosen])
        failures: list[BaseException] = []
        for start in range(0, len(chosen), SIDE_BY_SIDE):
            if self._stopped.is_set() or not await self._may_pull():
                break
            chunk = chosen[start : start + SIDE_BY_SIDE]
            ended = await asyncio.gather(
                *(self._pull(binding, positions.get(binding.guid)) for binding in chunk), return_exceptions=True
            )
            failures += [error for error in ended if isinstance(error, BaseException)]
        if failures:  # one instance, such as one whose inbox is full, takes no other's turn
            raise failures[0]

    def _may_call(self) -> bool:
        """Nothing is asked of a provider that an operator paused, or that fails: its probes and sends come first."""
        code = self._provider.code
        paused = code in self._candidates.pauses.providers
        return not paused and self._candidates.board.provider(code).breaker == BreakerState.CLOSED

    async def _may_pull(self) -> bool:
        """Whether this process has the lease; it is not asked for at every pull."""
        now = self._clock.boot()
        if now >= self._asked_at + RENEW_MS:
            self._holds = await self._lease.acquire()
            self._asked_at = now
        return self._holds

    def _is_usable(self, binding: Binding) -> bool:
        """An instance that is logged in, as far as anybody knows."""
        (observed,) = self._candidates.observed([binding], now=self._clock.now())
        return observed.standby is Standby.HOT and observed.state is not BindingState.OFFLINE

    async def _pull(self, binding: Binding, stored: StreamPosition | None) -> None:
        position = await self._beginning(binding, stored)
        if position is None:
            return
        began_at = self._clock.now()
        page = await self._puller.pull(binding.guid, position.cursor, LIMIT)
        pulled = Pulled(binding, position, page, began_at)
        result = await self._writes.callbacks.submit(self._writes.store, pulled)
        self._tell(page, result, None if position.pulled_at is None else max(0, began_at - position.pulled_at))
        if page.end.more:
            if result.advanced:  # with what is known of a binding that has moved, the next would begin here again
                self._turns.read_on(binding)
        elif self._provider.sync is StreamSupport.COMPLETE:
            await self._settle_absent((binding.provider_code, binding.guid))

    async def _settle_absent(self, instance: Instance) -> None:
        absent = self._writes.settle_absent
        if self._turns.has_uncertain(instance[1]):
            await self._writes.settlements.submit(absent, instance)
        else:
            absent.forget(instance)

    async def _beginning(self, binding: Binding, stored: StreamPosition | None) -> StreamPosition | None:
        """Where to go on; for a stream that was never read a place before the newest accepted send, if there was one."""
        position = None if stored is None else stored.now_of(binding)
        if position is not None:
            return position
        seq = await self._reader.newest_seq(binding.provider_code, binding.guid, binding.account_id)
        cursor = None if seq is None else self._puller.cursor_before(seq)
        return None if cursor is None else StreamPosition(binding.account_id, binding.epoch, cursor)

    def _tell(self, page: PulledPage, stored: StoredPull, lag_ms: int | None) -> None:
        """Answers that nobody can read are logged once, until one can be read."""
        outcome = page.end.outcome
        self._observer.pulled(self._provider.code, outcome, new=stored.new, known=stored.known, lag_ms=lag_ms)
        unreadable = outcome is PullOutcome.UNREADABLE
        if unreadable and not self._unreadable:
            _log.warning(
                "%s answers a pull of the message stream in a form that nobody knows: nothing is changed by it",
                self._provider.code,
            )
        if outcome in {PullOutcome.UNREADABLE, PullOutcome.READ}:
            self._unreadable = unreadable


class StreamLoops:
    """The loop of all providers whose streams are pulled."""

    def __init__(self, pulls: Sequence[PullStreams]) -> None:
        """One for each of these providers; without any it does nothing."""
        self.pulls = pulls
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the pulls at hand."""
        self._stopped.set()
        for pull in self.pulls:
            pull.stop()

    async def run(self) -> None:
        """Until `stop`; a provider that hangs keeps no other from being pulled."""
        await asyncio.gather(self._stopped.wait(), *(pull.run() for pull in self.pulls))
