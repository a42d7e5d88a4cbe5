"""Which streams of a provider are pulled next: those of uncertain messages soon, and all in turn."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.domain.account import Binding
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.streams import StreamReader

PER_ROUND: Final = 10
"""Pulls of one round, which is a second at least: a pace that sends do not notice."""

UNCERTAIN_PER_ROUND: Final = 5
"""Those of them for uncertain messages, at most: the others must have their turn, too."""

UNKNOWN_LOOKED_AT: Final = 1_000
"""The newest UNKNOWN messages count as uncertain; older ones wait for the turn of their instance."""

FIRST_PAUSE_MS: Final = 3_000
"""How soon the stream of a message that became UNKNOWN is pulled; then twice as long each time, up to the interval."""

PAGE: Final = 200
"""Bindings that are read at once."""


@dataclass(slots=True)
class _Wait:
    """An instance with an uncertain message; times by the boot clock."""

    due: float
    pause_ms: float
    newest: int
    """When the newest of its uncertain attempts began."""


class StreamTurns:
    """The order of one provider's streams, as one process keeps it. Losing it costs a few pulls."""

    def __init__(
        self, provider_code: ProviderCode, reader: StreamReader, bindings: BindingReader, interval_ms: int
    ) -> None:
        """`interval_ms` between two pulls of a stream of which nothing is uncertain, at least."""
        self._code = provider_code
        self._reader = reader
        self._bindings = bindings
        self._interval_ms = interval_ms
        self._soon: dict[Guid, _Wait] = {}
        self._unread: dict[Guid, Binding] = {}
        self._page: deque[Binding] = deque()
        self._after: Guid | None = None
        self._walks = False
        self._next_walk = float("-inf")

    def has_uncertain(self, guid: Guid) -> bool:
        """Whether a message of this instance was uncertain when they were looked at last."""
        return guid in self._soon

    def read_on(self, binding: Binding) -> None:
        """Its stream has more: it is pulled again in the next round."""
        self._unread[binding.guid] = binding

    async def next(self, boot_ms: float) -> Sequence[Binding]:
        """At most `PER_ROUND` enabled bindings, each once. Raises `UnavailableError`."""
        chosen = await self._uncertain(boot_ms)
        for binding in [self._unread[guid] for guid in list(self._unread)[: PER_ROUND - len(chosen)]]:
            chosen.setdefault(binding.guid, self._unread.pop(binding.guid))
        while len(chosen) < PER_ROUND and await self._has_turn(boot_ms):
            binding = self._page.popleft()
            chosen.setdefault(binding.guid, binding)
        return list(chosen.values())

    async def _uncertain(self, boot_ms: float) -> dict[Guid, Binding]:
        uncertain = await self._reader.uncertain(self._code, limit=UNKNOWN_LOOKED_AT)
        waits: dict[Guid, _Wait] = {}
        for binding, newest in uncertain:
            wait = self._soon.get(binding.guid)
            if wait is None or wait.newest < newest:
                wait = _Wait(boot_ms + FIRST_PAUSE_MS, FIRST_PAUSE_MS, newest)
            waits[binding.guid] = wait
        self._soon = waits
        due = sorted(
            (binding for binding, _ in uncertain if waits[binding.guid].due <= boot_ms),
            key=lambda binding: waits[binding.guid].due,
        )[:UNCERTAIN_PER_ROUND]
        for binding in due:
            wait = waits[binding.guid]
            wait.pause_ms = min(2 * wait.pause_ms, self._interval_ms)
            wait.due = boot_ms + wait.pause_ms
        return {binding.guid: binding for binding in due}

    async def _has_turn(self, boot_ms: float) -> bool:
        """Whether a walk over all bindings has one more now; one begins an interval after the one before began."""
        if not self._page and self._walks:
            await self._read_page()
        if not self._page and not self._walks and boot_ms >= self._next_walk:
            self._walks, self._after, self._next_walk = True, None, boot_ms + self._interval_ms
            await self._read_page()
        return bool(self._page)

    async def _read_page(self) -> None:
        """The next bindings of the walk, which ends where there are none."""
        self._page.extend(await self._bindings.at_provider(self._code, limit=PAGE, after=self._after))
        if self._page:
            self._after = self._page[-1].guid
        else:
            self._walks = False
