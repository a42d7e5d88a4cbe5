"""Rows of dead letters in memory."""

from dataclasses import dataclass

from wework_message.domain.ports.dead_letters import DeadLetter


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A stored dead letter, and what a replay made of it."""

    id: int
    letter: DeadLetter
    replayed_at: int | None = None
    target: str | None = None
