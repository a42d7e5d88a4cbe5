"""Spools in memory: what several processes would leave in one folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from wework_message.domain.message.spooled import SpooledAnswer
from wework_message.domain.ports.spool import AnswerSpool


@dataclass(slots=True)
class MemorySpoolFolder:
    """Outlives the spools of its processes."""

    room: int = 1_000
    """Answers that one spool keeps."""
    left: list[SpooledAnswer] = field(default_factory=list)
    """Answers of processes that have ended."""


class MemoryAnswerSpool:
    """The spool of one process."""

    def __init__(self, folder: MemorySpoolFolder | None = None) -> None:
        """`folder` = one of its own unless given."""
        self._folder = folder or MemorySpoolFolder()
        self._kept: dict[SpooledAnswer, None] = {}

    @property
    def waiting(self) -> int:
        return len(self._kept)

    async def keep(self, answer: SpooledAnswer) -> bool:
        if answer not in self._kept and len(self._kept) >= self._folder.room:
            return False
        self._kept[answer] = None
        return True

    async def forget(self, answer: SpooledAnswer) -> None:
        self._kept.pop(answer, None)

    async def take_over(self) -> Sequence[SpooledAnswer]:
        taken, self._folder.left = self._folder.left, []
        self._kept |= dict.fromkeys(taken)
        return taken

    async def close(self) -> None:
        self._folder.left += self._kept
        self._kept = {}


def _conforms(spool: MemoryAnswerSpool) -> AnswerSpool:
    return spool
