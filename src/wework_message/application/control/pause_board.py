"""The pauses as this process knows them: read every two seconds, and at once where this process changed them (ADR 46).

Nothing asks the database for a message. Pauses that could not be read for five seconds count as a pause of everything: what
is not known to be allowed is not sent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from wework_message.application.waiting import read_or_log, set_within
from wework_message.domain.control import NOT_READ, Pause, Pauses, PauseScope
from wework_message.domain.ids import BatchId, ProviderCode
from wework_message.domain.message.message import Message
from wework_message.domain.ports.control import PauseReader
from wework_message.domain.ports.system import Clock

REREAD_MS: Final = 2_000
"""How old they may be before they are read again."""

MAX_AGE_MS: Final = 5_000
"""How old they may be at all: a pause is effective in every process by then."""

_log: Final = logging.getLogger(__name__)


class PauseBoard:
    """Says what may not be sent."""

    def __init__(
        self,
        reader: PauseReader,
        clock: Clock,
        changed: Callable[[Collection[BatchId]], Awaitable[None]],
        providers: Collection[ProviderCode] = (),
    ) -> None:
        """`changed` is awaited after each change, with the batches that are paused no more; `providers` are the enabled ones."""
        self._reader = reader
        self._clock = clock
        self._changed = changed
        self._providers = frozenset(providers)
        self._read_at: float | None = None
        self._reading = asyncio.Lock()
        self._stopped = asyncio.Event()
        self.latest = NOT_READ
        """As they were read last, however long ago: for answers and gauges, not for sends."""

    @property
    def now(self) -> Pauses:
        """The pauses that hold for sends; everything where they are too old."""
        return self.latest if self._age_ms() <= MAX_AGE_MS else NOT_READ

    @property
    def providers(self) -> frozenset[ProviderCode]:
        """Providers that get nothing, as in `now`; asked for every message, so without a look at the clock where none is paused."""
        return self.latest.providers and self.now.providers

    @property
    def stops_all(self) -> bool:
        """Whether no message may be sent: then none is claimed."""
        return self._stop_all(self.now)

    def _stop_all(self, pauses: Pauses) -> bool:
        return pauses.everything or (bool(self._providers) and self._providers <= pauses.providers)

    def stops(self, message: Message) -> PauseScope | None:
        """What was paused that stops this message, whichever binding would take it; None = it may be routed."""
        pauses = self.now
        if pauses.known and not pauses.items:
            return None
        if self._stop_all(pauses):
            return PauseScope.SERVICE
        pause = pauses.stopping(message)
        return pause.scope if pause is not None else None

    @property
    def shows_all(self) -> bool:
        """Whether answers say that nothing is sent."""
        return self.latest.known and self._stop_all(self.latest)

    def shows_provider(self, code: ProviderCode) -> bool:
        """Whether answers say of this provider that it is paused."""
        return code in self.latest.providers

    def shows(self, message: Message) -> bool:
        """Whether answers say of this message that it is paused: it waits, and a pause is the reason."""
        if not self.latest.items or not message.is_waiting():
            return False
        code = message.options.provider_code
        return self._stop_all(self.latest) or code in self.latest.providers or self.latest.stopping(message) is not None

    def _age_ms(self) -> float:
        return float("inf") if self._read_at is None else self._clock.boot() - self._read_at

    async def refresh(self) -> None:
        """Read them if they are older than `REREAD_MS`; raises `UnavailableError`."""
        if self._age_ms() >= REREAD_MS:
            await self.read()

    async def read(self) -> None:
        """Read them now; raises `UnavailableError`."""
        async with self._reading:
            began = self._clock.boot()
            items = tuple(await self._reader.pauses())
            self._read_at = began
            before, known = self.latest.items, self.latest.known
            if known and items == before:
                return
            self.latest = Pauses(items)
        if known or items:
            await self._changed(_batches(before) - _batches(items))

    async def run(self) -> None:
        """Read again and again until `stop`. Where the store is away, what was read last holds until it is too old."""
        while not self._stopped.is_set():
            await read_or_log(self.refresh, "pauses", _log)
            await set_within(self._stopped, REREAD_MS / 2 / 1000)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the read at hand."""
        self._stopped.set()


def _batches(pauses: Sequence[Pause]) -> frozenset[BatchId]:
    return frozenset(BatchId(pause.id) for pause in pauses if pause.scope is PauseScope.BATCH)
