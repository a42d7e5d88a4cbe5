"""An erasure: a stored job that erases what is held of a person or a room, a few rows at a time (ADR 63).

It goes through the parts of what is stored, from a position in each. Both are stored with what a step has erased, so that
after a crash it goes on where it was. What does not rest yet is left, and looked for again. Instants are epoch ms and
arrive as arguments.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from wework_message.domain.conversation import without_session
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import ErasureId, TenantId
from wework_message.domain.inbox import InboxState
from wework_message.domain.stream import LOOKED_BACK_MS

MIN_NAME: Final = 6
"""Characters of an id at least: shorter ones are in callbacks that have nothing to do with it. Those of WeCom have 13 and more."""

MAX_NOTE: Final = 180
"""Characters of the note."""

RECHECK_MS: Final = 60_000
"""How long an erasure waits before it looks again for messages that did not rest."""

MAX_RECHECK_MS: Final = 3_600_000
"""And for callbacks, at most: it goes through all of them again, so it waits longer with each round."""

START: Final = ""
"""Where a part begins."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data is erased: a person, with all sessions, or a room."""

    conversation: str
    """As the provider spells it, without a session."""

    @classmethod
    def of(cls, conversation: str) -> Self:
        """Of a conversation that a person names. Raises `InvalidValueError` for one in whose place others would be erased."""
        subject = cls(conversation)
        if conversation != without_session(conversation):
            raise InvalidValueError("conversationId", "must name a person or a room, without a session")
        if len(subject.name) < MIN_NAME:
            raise InvalidValueError("conversationId", f"must have an id of at least {MIN_NAME} characters")
        return subject

    @property
    def name(self) -> str:
        """The id of the person or room, as callbacks spell it."""
        return self.conversation.partition(":")[2] or self.conversation

    @property
    def sessions(self) -> tuple[str, str]:
        """The conversations of the person's sessions lie between these two."""
        return f"{self.conversation};", f"{self.conversation}<"

    def covers(self, conversation: str) -> bool:
        """Whether this is the conversation, or a session of the person."""
        return without_session(conversation) == self.conversation

    def is_named_in(self, text: str) -> bool:
        """Whether the id is in a stored text, not as a part of a longer number."""
        return re.search(rf"(?<![0-9]){re.escape(self.name)}(?![0-9])", text) is not None


class Part(StrEnum):
    """What is stored of people, in the order in which it is erased; the names are API."""

    MESSAGES = "messages"
    """With their attempts and notes. The rows stay, and say neither what was sent nor to whom."""
    KEYS = "keys"
    """Hashes of the requests of erased messages. The keys stay: a repeated request is no new one."""
    CALLBACKS = "callbacks"
    EVENTS = "events"
    """What clients are, or were, told of."""
    DEAD_LETTERS = "deadLetters"
    POOL_CHOICES = "poolChoices"


PARTS: Final = tuple(Part)


class ErasureState(StrEnum):
    """How far an erasure is; the names are API."""

    RUNNING = "RUNNING"
    WAITING = "WAITING"
    """For what does not rest yet: it looks again."""
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class ErasureStep:
    """The next rows of an erasure."""

    part: Part
    subject: Subject
    tenant_id: TenantId
    until: ErasureId
    """Messages with larger ids were accepted after it was asked for."""
    created_at: int
    after: str
    """The position in the part."""
    dry_run: bool
    now: int

    def holds_up(self, received_at: int) -> bool:
        """Whether an erasure waits for a callback that is evidence; it does not for one that came later than it."""
        return received_at <= self.created_at


def is_evidence(state: InboxState, received_at: int, awaited_since: int | None) -> bool:
    """Whether a callback may still say what became of a message: it is not applied, or belongs to none of ours that is known.

    Its instance awaits evidence since `awaited_since`: the earliest call began then that is open, or that nobody knows the end of; None =
    there is none. Without its echo such a message would stay UNKNOWN, or a pull would prove that it was not sent, and it would be
    sent twice. As a pull does, it takes a clock into account that was ahead when the call began (`LOOKED_BACK_MS`).
    """
    if state is InboxState.APPLIED:
        return False
    if state is InboxState.PENDING:
        return True
    return awaited_since is not None and received_at >= awaited_since - LOOKED_BACK_MS


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """What one step did."""

    erased: int
    """Rows; those that would be, for a dry run."""
    left: int
    """Rows that do not rest yet."""
    after: str | None
    """Where the part goes on; None = it is through."""


@dataclass(slots=True)
class Erasure:
    """One erasure. It changes only by its methods."""

    id: ErasureId
    tenant_id: TenantId
    subject: Subject | None
    """Forgotten once it is done."""
    dry_run: bool
    note: str | None
    """Why, as the person wrote it who asked for it."""
    created_at: int
    state: ErasureState = ErasureState.RUNNING
    part: Part = PARTS[0]
    position: str = START
    round: int = 1
    """How often it has gone through the parts."""
    erased: Counter[Part] = field(default_factory=Counter)
    left: int = 0
    """Rows that did not rest when this round came to them."""
    next_at: int = 0
    """When its next step is due."""
    finished_at: int | None = None

    @property
    def done(self) -> bool:
        """Whether it erases nothing more."""
        return self.state is ErasureState.DONE

    def wait_ms(self, now: int) -> int:
        """Until its next step; 0 where that is due. A clock that was set back delays it by no more than a wait."""
        wait = self.next_at - now
        return wait if 0 < wait <= MAX_RECHECK_MS else 0

    def step(self, *, now: int) -> ErasureStep:
        """What comes next; raises `ValueError` where it is done."""
        if self.subject is None:
            raise ValueError("an erasure that is done has no next step")
        return ErasureStep(
            self.part, self.subject, self.tenant_id, self.id, self.created_at, self.position, self.dry_run, now
        )

    def advance(self, rows: ErasedRows, *, now: int) -> None:
        """These rows are erased, and the position is behind them."""
        if self.state is ErasureState.WAITING:
            self.state, self.left = ErasureState.RUNNING, 0
        self.erased[self.part] += rows.erased
        self.left += rows.left
        self.next_at = now
        if rows.after is not None:
            self.position = rows.after
        else:
            self._end_part(now)

    def put_off(self, *, now: int) -> None:
        """Its next step met a defect: others go first, and then it is tried again."""
        self.next_at = now + RECHECK_MS

    def _end_part(self, now: int) -> None:
        """Messages that do not rest are looked for alone, until none is left; then it goes through everything once more."""
        self.position = START
        following = PARTS.index(self.part) + 1
        only_messages = self.round > 1 and self.part is Part.MESSAGES and self.left > 0
        if following < len(PARTS) and not only_messages:
            self.part = PARTS[following]
        elif self.left == 0 or self.dry_run:
            self._finish(now)
        else:
            rounds = 1 if only_messages else self.round
            self.state, self.part = ErasureState.WAITING, PARTS[0]
            self.round += 1
            self.next_at = now + min(rounds * RECHECK_MS, MAX_RECHECK_MS)

    def _finish(self, now: int) -> None:
        self.state, self.subject, self.finished_at = ErasureState.DONE, None, now
