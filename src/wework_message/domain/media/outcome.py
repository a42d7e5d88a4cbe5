"""How a fetch or an upload ended, as metrics count it."""

from typing import Final, TypeAlias

from wework_message.domain.media.asset import MediaFailure

MADE: Final = "MADE"
LATER: Final = "LATER"
"""It is tried again."""

MediaOutcome: TypeAlias = str
"""`MADE`, `LATER`, or the value of a `MediaFailure`."""

OUTCOMES: Final[tuple[MediaOutcome, ...]] = (MADE, LATER, *map(str, MediaFailure))
