"""Status calls about instances in use: a few in each round, and one bad answer is not believed (M-6.5)."""

from collections.abc import Sequence
from itertools import chain, islice
from typing import Final

from wework_message.domain.ids import BindingId, Guid, ProviderCode
from wework_message.domain.ports.gateway import ClientState

POLLS: Final = 10
"""Instances of one provider that a round asks in turn: the cost does not grow with their number."""

MISSES: Final = 3
"""Answers in a row that must say offline: a long connection that reconnects says so, too (P-8)."""


class InstancePolls:
    """Whose turn it is, and who has missed how often."""

    def __init__(self) -> None:
        """Nobody was asked yet."""
        self._last: dict[ProviderCode, BindingId] = {}
        self._misses: dict[BindingId, int] = {}

    def choose(
        self, provider_code: ProviderCode, in_use: Sequence[tuple[BindingId, Guid]]
    ) -> Sequence[tuple[BindingId, Guid]]:
        """The next ones in turn, and those that have missed; `in_use` in a stable order."""
        ids = [binding_id for binding_id, _ in in_use]
        last = self._last.get(provider_code)
        start = ids.index(last) + 1 if last in ids else 0
        chosen = dict(islice(chain(in_use[start:], in_use[:start]), POLLS))
        if chosen:
            self._last[provider_code] = list(chosen)[-1]
        missing = {binding_id: guid for binding_id, guid in in_use if binding_id in self._misses}
        return list((chosen | missing).items())

    def believes(self, binding_id: BindingId, state: ClientState) -> bool:
        """Whether this answer counts: OFFLINE only as the last of `MISSES` in a row."""
        if state is not ClientState.OFFLINE:
            self._misses.pop(binding_id, None)
            return True
        misses = self._misses[binding_id] = self._misses.get(binding_id, 0) + 1
        if misses < MISSES:
            return False
        del self._misses[binding_id]
        return True
