"""The fence between two epochs of a binding: what was decided before a switch does not start after it (M-5, ADR 50)."""

from collections.abc import Iterable
from typing import Final

from wework_message.domain.account import Binding, may_start
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import BindingId

CACHE_TTL_S: Final = 5.0
"""How long a process uses an account without reading it again: others may write it."""

FENCED_AFTER_MS: Final = int(CACHE_TTL_S * 1000) + WRITE_WITHIN_MS
"""When the last call that was decided before a switch has started, in any process: its account was read at most this long ago."""

MAX_BINDINGS: Final = 50_000
"""Epochs that are remembered; above this all are dropped, and heard again with their accounts."""


class EpochFence:
    """The newest epoch of each binding, as far as this process has heard of it."""

    def __init__(self) -> None:
        """Nothing is known: every call may start."""
        self._epochs: dict[BindingId, int] = {}

    def heard(self, bindings: Iterable[Binding]) -> None:
        """These were read; a read may be older than what is known."""
        if len(self._epochs) > MAX_BINDINGS:
            self._epochs.clear()
        for binding in bindings:
            if binding.epoch > self._epochs.get(binding.binding_id, -1):
                self._epochs[binding.binding_id] = binding.epoch

    def replaced(self, before: Iterable[Binding], after: Iterable[Binding]) -> None:
        """An account has other bindings now; one that it had before and has no more was removed."""
        kept = list(after)
        self.heard(kept)
        left = {binding.binding_id: binding.epoch for binding in before}
        for binding_id in left.keys() - {binding.binding_id for binding in kept}:
            self._epochs[binding_id] = max(left[binding_id] + 1, self._epochs.get(binding_id, 0))

    def is_old(self, binding: Binding) -> bool:
        """Whether it was changed since it was read."""
        return not self.may_start(binding.binding_id, binding.epoch)

    def may_start(self, binding_id: BindingId, epoch: int) -> bool:
        """Whether the binding is as it was when the call was decided on, under `epoch`."""
        return may_start(epoch, self._epochs.get(binding_id, epoch))
