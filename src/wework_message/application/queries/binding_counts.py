"""Counts of bindings, read once in a while: they read every binding, and providers are asked for often."""

from collections.abc import Mapping
from typing import Final

from wework_message.application.policy import Policy
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.bindings import BindingCounts, BindingReader
from wework_message.domain.ports.system import Clock

REMEMBERED_MS: Final = 30_000
"""How old the counts may be."""

NO_BINDINGS: Final = BindingCounts(0, 0)


class CountBindings:
    """The counts of one process."""

    def __init__(self, policy: Policy, bindings: BindingReader, clock: Clock) -> None:
        """`policy` has the providers; a binding at a disabled one is no sibling."""
        self._codes = policy.enabled
        self._bindings = bindings
        self._clock = clock
        self._counts: Mapping[ProviderCode, BindingCounts] = {}
        self._fresh_until = float("-inf")

    async def __call__(self) -> Mapping[ProviderCode, BindingCounts]:
        """By provider; raises `UnavailableError`."""
        if self._clock.boot() >= self._fresh_until:
            self._counts = await self._bindings.counts(self._codes)
            self._fresh_until = self._clock.boot() + REMEMBERED_MS
        return self._counts
