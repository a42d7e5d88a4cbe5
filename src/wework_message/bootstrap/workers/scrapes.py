"""The metrics of all workers in one answer: whoever is asked asks the supervisor, which asks everybody."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.observability.merged_metrics import MergedMetrics
from wework_message.bootstrap.workers.messages import Scrape, Snapshot, SnapshotRequest
from wework_message.bootstrap.workers.place import Place

WAIT_S: Final = 1.0
"""How long a scrape waits for the workers. Of one that is late the last counts are used, and no gauges."""


@dataclass(slots=True)
class _Round:
    """One question to all workers; scrapes that come meanwhile wait for the next."""

    number: int
    ends_at: float
    asking: list[tuple[Place, int]]
    missing: set[int]
    answered: set[int]


class Scrapes:
    """Collects snapshots and answers those that asked. One round at a time, so that the counts never fall."""

    def __init__(self, places: Sequence[Place], clock: Callable[[], float] = time.monotonic) -> None:
        """`places` are asked; `clock` in seconds."""
        self._places = places
        self._clock = clock
        self._merged = MergedMetrics()
        self._round: _Round | None = None
        self._next: list[tuple[Place, int]] = []
        self._numbers = 0

    @property
    def ends_in_s(self) -> float:
        """Until the round under way ends at the latest, seconds; a long time without one."""
        return self._round.ends_at - self._clock() if self._round is not None else 3600.0

    def begin(self, place: Place, number: int) -> None:
        """The worker at `place` wants the metrics, as its question `number`."""
        self._next.append((place, number))
        self._begin_next()

    def add(self, place: Place, snapshot: Snapshot) -> None:
        """The worker at `place` has answered."""
        self._merged.show(place.number, snapshot.families)
        current = self._round
        if current is not None and snapshot.number == current.number:
            current.missing.discard(place.number)
            current.answered.add(place.number)
            self.answer_due()

    def end(self, number: int) -> None:
        """The worker `number` has ended: its counts stay."""
        self._merged.end(number)
        if self._round is not None:
            self._round.missing.discard(number)
            self._round.answered.discard(number)

    def answer_due(self) -> None:
        """Answer where every worker has, or where the time is over."""
        current = self._round
        if current is None or (current.missing and self._clock() < current.ends_at):
            return
        self._round = None
        text = self._merged.render(current.answered, self._own()).decode()
        for place, number in current.asking:
            if place.channel is not None:
                place.channel.send(Scrape(number, text))
        self._begin_next()

    def _begin_next(self) -> None:
        if self._round is not None or not self._next:
            return
        self._numbers += 1
        open_places = [place for place in self._places if place.is_open and place.channel is not None]
        missing = {place.number for place in open_places}
        self._round = _Round(self._numbers, self._clock() + WAIT_S, self._next, missing, set())
        self._next = []
        for place in open_places:
            if place.channel is not None:
                place.channel.send(SnapshotRequest(self._numbers))

    def _own(self) -> dict[str, float]:
        """What only the supervisor knows."""
        return {
            "wm_workers": len(self._places),
            "wm_workers_up": sum(place.problem is None for place in self._places),
            "wm_worker_restarts_total": sum(place.restarts for place in self._places),
        }
