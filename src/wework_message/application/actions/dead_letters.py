"""Keep messages of a queue that we could not take, and remember what a replay made of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.domain.ports.dead_letters import DeadLetter
from wework_message.domain.ports.system import Clock


class StoreDeadLetters:
    """The transaction's part of keeping."""

    async def __call__(self, scope: CommitScope, items: Sequence[DeadLetter], /) -> Sequence[bool]:
        """For each letter whether it is new. A known letter stays as it is."""
        return [await scope.unit.dead_letters.keep((letter,)) == 1 for letter in items]


@dataclass(frozen=True, slots=True)
class KeepDeadLetterHandler:
    """Keep one dead letter."""

    commits: Commits
    operation: StoreDeadLetters

    async def __call__(self, letter: DeadLetter) -> bool:
        """Durable when this returns; whether it is new. Raises `UnavailableError`."""
        return await self.commits.submit(self.operation, letter)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay became."""

    letter_id: int
    target: str
    """Id of the message or group."""


class StoreReplays:
    """The transaction's part of remembering replays."""

    def __init__(self, clock: Clock) -> None:
        """`clock` stamps the replay."""
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[Replayed], /) -> Sequence[None]:
        """The only answer is that the replays are durable."""
        for item in items:
            await scope.unit.dead_letters.replayed(item.letter_id, item.target, self._clock.now())
        return [None] * len(items)


@dataclass(frozen=True, slots=True)
class MarkReplayedHandler:
    """Remember what a replay became."""

    commits: Commits
    operation: StoreReplays

    async def __call__(self, letter_id: int, target: str) -> None:
        """Durable when this returns. Raises `UnavailableError`."""
        await self.commits.submit(self.operation, Replayed(letter_id, target))
