"""Takes requests in or refuses them: the limit in flight, what goes first, and a fair share for each tenant (ADR 71)."""

from collections.abc import Mapping

from wework_message.domain.ids import TenantId
from wework_message.domain.load.adaptive import WINDOW_MS, AdaptiveLimit, Times, Window
from wework_message.domain.load.priorities import CALLBACK_ROOM, ROOM, Priority, fair_share


class LoadGate:
    """Of one process. What began is suspended once: while a request waits for something that is no work it is not in flight."""

    def __init__(self, largest: int, now: float) -> None:
        """`largest` is the limit while all is well, at least 1; `now` in ms of the clock that all calls use."""
        self._adaptive = AdaptiveLimit(float(largest), largest)
        self._callback_room = CALLBACK_ROOM * largest
        self._callbacks = self._in_flight = self._peak = self._refused = 0
        self._of_tenants: dict[TenantId, int] = {}
        self._counts = dict.fromkeys(ROOM, 0)
        self._totals = dict.fromkeys(ROOM, 0.0)
        self._ends_at = now + WINDOW_MS
        self._rooms = self._rooms_now()

    @property
    def limit(self) -> int:
        """Requests that may be in flight; callbacks aside."""
        return int(self._adaptive.limit)

    @property
    def in_flight(self) -> int:
        """Requests in flight; callbacks aside."""
        return self._in_flight

    def admits(self, kind: Priority, tenant_id: TenantId) -> bool:
        """Whether a request may begin, and be work soon; one that may not counts as refused."""
        if kind is Priority.CALLBACK:
            return self._callbacks < self._callback_room
        if self._in_flight >= (room := self._rooms[kind]):
            own = self._of_tenants.get(tenant_id, 0)
            if own >= fair_share(room, len(self._of_tenants)):
                self._refused += 1
                return False
        return True

    def begin(self, kind: Priority, tenant_id: TenantId) -> None:
        """It is work from here on, for the first time or once more: it was admitted, whatever the limit is now."""
        if kind is Priority.CALLBACK:
            self._callbacks += 1
            return
        self._in_flight = in_flight = self._in_flight + 1
        self._peak = max(self._peak, in_flight)
        self._of_tenants[tenant_id] = self._of_tenants.get(tenant_id, 0) + 1

    def suspend(self, kind: Priority, tenant_id: TenantId) -> None:
        """It waits for a client or a provider, or it has its answer."""
        if kind is Priority.CALLBACK:
            self._callbacks -= 1
            return
        self._in_flight -= 1
        own = self._of_tenants[tenant_id] - 1
        if own:
            self._of_tenants[tenant_id] = own
        else:
            del self._of_tenants[tenant_id]

    def took(self, kind: Priority, ms: float, now: float) -> None:
        """Learn how long the work of a request took. Callbacks tell nothing: they may wait behind all else."""
        if kind is Priority.CALLBACK:
            return
        self._counts[kind] += 1
        self._totals[kind] += ms
        if now >= self._ends_at:
            self._end_window(now)

    def _end_window(self, now: float) -> None:
        times = {kind: Times(count, self._totals[kind]) for kind, count in self._counts.items() if count}
        self._adaptive = self._adaptive.after(Window(now, times, self._peak, self._refused))
        self._counts = dict.fromkeys(ROOM, 0)
        self._totals = dict.fromkeys(ROOM, 0.0)
        self._peak, self._refused = self._in_flight, 0
        self._ends_at = now + WINDOW_MS
        self._rooms = self._rooms_now()

    def _rooms_now(self) -> Mapping[Priority, float]:
        return {kind: part * self._adaptive.limit for kind, part in ROOM.items()}
