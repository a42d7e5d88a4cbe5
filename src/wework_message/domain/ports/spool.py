"""The spool: answers outlive this process although the database is away (ADR 60)."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.message.spooled import SpooledAnswer


class AnswerSpool(Protocol):
    """Keeps answers until they are recorded. Each process has one of its own, and takes over those of ended processes.

    No method raises where the medium fails: an answer that cannot be kept is in the memory of its process all the same.
    """

    @property
    def waiting(self) -> int:
        """Answers that are kept, or were taken over, and not forgotten yet."""
        ...

    async def keep(self, answer: SpooledAnswer) -> bool:
        """Keep it durably, once however often it is asked; False where that is not possible: there is no room, or no medium."""
        ...

    async def forget(self, answer: SpooledAnswer) -> None:
        """It is recorded. An answer may come back all the same after a crash. Nothing happens where it is not kept."""
        ...

    async def take_over(self) -> Sequence[SpooledAnswer]:
        """Answers of processes that have ended, in the order of each; they are this one's now. Unreadable ones are left out."""
        ...

    async def close(self) -> None:
        """The process ends: what is not forgotten is left for another one."""
        ...
