"""When a message is due next, and what it means for the other messages of its lane (D-13 and D-41)."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from wework_message.domain.ids import AccountId

Lane: TypeAlias = tuple[AccountId, str]
"""Account and conversation: messages of a lane are sent one after the other."""

LANE_RECHECK_MS: Final = 30_000
"""A message behind another one of its lane is woken when the lane becomes free; this is the safety net, in ms."""


class LanePosition(IntEnum):
    """What a due message means for its lane."""

    FREE = 0
    """Blocks no message: it is scheduled for later, stopped, being recalled, or uncertain past 2H."""
    WAITING = 1
    """Keeps its place: later messages of the lane stay behind it."""
    HOLDING = 2
    """Its attempt holds the lane: in flight or uncertain."""

    @classmethod
    def of_call(cls, *, takes_lane: bool) -> "LanePosition":
        """Of a message whose call is open or uncertain: the recipient of a mass send takes no lane (D-41)."""
        return cls.HOLDING if takes_lane else cls.FREE


class LaneBlock(StrEnum):
    """Why a due message may not be sent yet."""

    BEHIND = "BEHIND"
    """An earlier message of its lane is waiting or in flight."""
    BEHIND_UNKNOWN = "BEHIND_UNKNOWN"
    """An uncertain attempt holds the lane."""


@dataclass(frozen=True, slots=True)
class Due:
    """When a message is due. The store turns `in_ms` into an instant by its own clock (D-61)."""

    in_ms: int | None
    """From the commit, in ms; None = nothing is due any more."""
    place: LanePosition = LanePosition.FREE
    waits_in_lane: bool = False
    """It waits for its lane only, and is woken when the lane becomes free. Any other wait keeps its own time."""


class Urgency(IntEnum):
    """Classes of priority; a smaller one goes first, and within a class first in is first out (W-1)."""

    URGENT = 0
    NORMAL = 1
    BULK = 2

    @classmethod
    def of(cls, priority: int) -> "Urgency":
        """0-2 bulk, 3-6 normal, 7-9 urgent."""
        if priority >= 7:  # noqa: PLR2004 -- W-1 defines these bounds
            return cls.URGENT
        return cls.NORMAL if priority >= 3 else cls.BULK  # noqa: PLR2004 -- as above
