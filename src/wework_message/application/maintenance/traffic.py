"""The traffic check: an instance whose sends are accepted and never seen again is degraded (M-6.5)."""

from collections.abc import Sequence
from typing import Final

from wework_message.application.policy import Policy
from wework_message.domain.ids import BindingId, ProviderCode
from wework_message.domain.inbox import InboxState
from wework_message.domain.ports.health import HealthBoard, Unechoed
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.system import Clock

MAX_LOOKED_UP: Final = 20
"""Bindings of one round for which the store is read: so many that are not degraded yet, and so many that are."""

_NEWEST: Final = 5
"""Applied callbacks of a guid that are read: another provider may have one with the same guid."""


class CheckTraffic:
    """One round. What this process has not seen another one may have stored, so the store has the last word."""

    def __init__(
        self, board: HealthBoard, reader: MessageReader, policy: Policy, clock: Clock, observer: Observer
    ) -> None:
        """`policy` has H and the providers; those without echoes are exempt. `observer` is told of every change."""
        self._board = board
        self._reader = reader
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._known: dict[BindingId, ProviderCode] = {}
        """Bindings that were degraded after the last round."""
        self._last = BindingId("")
        """The degraded one that was looked up last: the next round goes on behind it."""

    async def __call__(self) -> None:
        """Degrade what was not seen for 2H, and end what was seen since; raises `UnavailableError`."""
        overdue = self._overdue()
        new = [unechoed for unechoed in overdue if not unechoed.degraded][:MAX_LOOKED_UP]
        for unechoed in (*new, *self._in_turn([unechoed for unechoed in overdue if unechoed.degraded])):
            if await self._was_seen(unechoed):
                self._board.echoed(unechoed.provider_code, unechoed.guid)
            elif not unechoed.degraded:
                self._board.degrade(unechoed.binding_id)
        self._tell()

    def _in_turn(self, degraded: Sequence[Unechoed]) -> Sequence[Unechoed]:
        """Those that are looked up again in this round."""
        ordered = sorted(degraded, key=lambda unechoed: (unechoed.binding_id <= self._last, unechoed.binding_id))
        if chosen := ordered[:MAX_LOOKED_UP]:
            self._last = chosen[-1].binding_id
        return chosen

    def _overdue(self) -> list[Unechoed]:
        providers = self._policy.providers
        return [
            unechoed
            for unechoed in self._board.unechoed(2 * self._policy.horizon_ms)
            if (provider := providers.get(unechoed.provider_code)) is not None and provider.has_echoes
        ]

    async def _was_seen(self, unechoed: Unechoed) -> bool:
        """Whether a callback of the instance was applied to a message since the first send that waits for one."""
        since = self._clock.now() - unechoed.for_ms
        newest = await self._reader.callbacks(
            None, unechoed.guid, notify_type=None, limit=_NEWEST, before=None, state=InboxState.APPLIED
        )
        return any(
            callback.received_at >= since and callback.provider_code == unechoed.provider_code for callback in newest
        )

    def _tell(self) -> None:
        degraded = {unechoed.binding_id: unechoed.provider_code for unechoed in self._overdue() if unechoed.degraded}
        for binding_id in degraded.keys() - self._known.keys():
            self._observer.degraded(degraded[binding_id], binding_id, ended=False)
        for binding_id in self._known.keys() - degraded.keys():
            self._observer.degraded(self._known[binding_id], binding_id, ended=True)
        self._known = degraded
