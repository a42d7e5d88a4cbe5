"""Which binding sent a conversation's last message, and even shares where several could (M-6.3)."""

from typing import Final

from wework_message.domain.ids import AccountId, BindingId
from wework_message.domain.message.scheduling import Lane
from wework_message.domain.ports.system import RandomSource

MAX_LANES: Final = 50_000
"""Conversations that are remembered; above this those are forgotten that sent nothing for the longest time."""

_GOLDEN: Final = 0.6180339887498949
"""Steps of this size, modulo 1, are spread evenly, however many there are."""


class LastBindings:
    """What this process has seen. Another process, or this one after a restart, begins anew: any binding may go on."""

    def __init__(self, max_lanes: int = MAX_LANES) -> None:
        """`max_lanes` is how many conversations are remembered."""
        self._max_lanes = max_lanes
        self._bindings: dict[Lane, BindingId] = {}

    def of(self, lane: Lane) -> BindingId | None:
        """None = not known."""
        return self._bindings.get(lane)

    def sent(self, lane: Lane, binding_id: BindingId) -> None:
        """This binding has sent a message of the conversation."""
        self._bindings.pop(lane, None)
        if len(self._bindings) >= self._max_lanes:
            del self._bindings[next(iter(self._bindings))]
        self._bindings[lane] = binding_id


class EvenDraws:
    """Draws in [0, 1) that are more even than chance: after n of them each part has its share, but for a few."""

    def __init__(self, random_source: RandomSource) -> None:
        """`random_source` says where the draws of an account begin, so that two processes do not go the same way."""
        self._random_source = random_source
        self._points: dict[AccountId, float] = {}

    def next(self, account_id: AccountId) -> float:
        """The next draw of this account."""
        point = self._points.get(account_id)
        point = self._random_source.fraction() if point is None else (point + _GOLDEN) % 1.0
        self._points[account_id] = point
        return point

    def forget(self) -> None:
        """Begin anew: too many accounts are known."""
        self._points.clear()
