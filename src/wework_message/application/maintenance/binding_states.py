"""Whether instances are online, as probes find it, stored for other processes, the next start and the clients' events."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.domain.account import Binding
from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.ports.system import Clock
from wework_message.domain.presence import PresenceCause, unasked_siblings

KNOWN_MS: Final = 300_000
"""So long an answer that repeats what this process has stored costs no transaction. Another process may have stored something else."""


class StoreBindingStates:
    """The transaction's part of a probe: whether an instance is online."""

    def __init__(self, clock: Clock) -> None:
        """`clock` stamps the events."""
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[tuple[BindingId, bool]], /) -> Sequence[None]:
        """`items` are bindings, and whether they are online; transactions that lock in one order cannot deadlock."""
        now = self._clock.now()
        for binding_id, online in sorted(dict(items).items()):
            await scope.observe(binding_id, online=online, cause=PresenceCause.PROBE, at=now)
        return [None] * len(items)


class FindUnasked:
    """Siblings to ask before an instance is stored as offline."""

    async def __call__(
        self, scope: CommitScope, items: Sequence[tuple[ProviderCode, Guid]], /
    ) -> Sequence[Sequence[Binding]]:
        """`items` are instances; for each its siblings, see `unasked_siblings`."""
        return [await self._of(scope, *instance) for instance in items]

    async def _of(self, scope: CommitScope, provider_code: ProviderCode, guid: Guid) -> Sequence[Binding]:
        bindings = await scope.unit.accounts.binding_of(guid, latest=True)
        own = next((binding for binding in bindings if binding.provider_code == provider_code), None)
        if own is None:
            return ()
        stored = (await scope.unit.accounts.accounts([own.account_id], latest=True)).get(own.account_id)
        return () if stored is None else unasked_siblings(own.binding_id, stored[1])


@dataclass(frozen=True, slots=True)
class _Known:
    online: bool
    at: float | None
    """When it was stored, by `Clock.boot`; None where the store did not take it."""


class BindingStates:
    """What this process knows to be stored, so that most answers cost no transaction."""

    def __init__(self, commits: Commits, clock: Clock) -> None:
        """Ages go by `clock.boot`."""
        self._commits = commits
        self._clock = clock
        self._store = StoreBindingStates(clock)
        self._find_unasked = FindUnasked()
        self._known: dict[BindingId, _Known] = {}

    async def store(self, binding_id: BindingId, *, online: bool) -> None:
        """Raises `UnavailableError`."""
        if self._is_stored(binding_id, online=online):
            return
        began = self._clock.boot()
        self._known[binding_id] = _Known(online, None)
        await self._commits.submit(self._store, (binding_id, online))
        self._known[binding_id] = _Known(online, began)

    async def unasked(self, binding_id: BindingId, provider_code: ProviderCode, guid: Guid) -> Sequence[Binding]:
        """The siblings to ask before this instance is stored as offline; raises `UnavailableError`."""
        if self._is_stored(binding_id, online=False):
            return ()
        return await self._commits.submit(self._find_unasked, (provider_code, guid))

    async def retry(self) -> None:
        """Store what could not be stored, and forget what is old; raises `UnavailableError`.

        Whoever is offline is asked in each round, and need not be remembered for that.
        """
        for binding_id, known in list(self._known.items()):
            if known.at is not None and not self._is_fresh(known.at):
                del self._known[binding_id]
        unstored = [binding_id for binding_id, known in self._known.items() if known.online and known.at is None]
        await asyncio.gather(*(self.store(binding_id, online=True) for binding_id in unstored))

    def _is_stored(self, binding_id: BindingId, *, online: bool) -> bool:
        known = self._known.get(binding_id)
        return known is not None and known.online is online and known.at is not None and self._is_fresh(known.at)

    def _is_fresh(self, at: float) -> bool:
        return self._clock.boot() - at < KNOWN_MS
