"""Dead letters: messages of a queue that we could not take, kept complete until an operator has handled them.

They are written inside a unit of work, and read as views.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wework_message.domain.ids import TenantId


class DeadLetterSource(StrEnum):
    """Where the message came in."""

    INTAKE = "INTAKE"
    """The topic of send requests of other systems."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field; never its value."""

    path: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that was refused."""

    source: DeadLetterSource
    source_id: str
    """The broker's own name of what it stored, 1-255 characters; with `source` it is unique."""
    message_id: str
    """The producer's id, at most 255 characters; the parts of a batch share it."""
    tenant_id: TenantId
    reason: str
    """Stable code, such as VALIDATION_FAILED."""
    faults: tuple[Fault, ...]
    key: str | None
    """The producer's key, at most 255 characters of it."""
    body: bytes
    """As it came: content, which never reaches logs or metrics."""
    deliveries: int
    """Which delivery it was, from 1."""
    received_at: int
    """Epoch ms."""


@dataclass(frozen=True, slots=True)
class DeadLetterView:
    """A stored dead letter, without its body."""

    id: int
    source: DeadLetterSource
    source_id: str
    message_id: str
    reason: str
    faults: tuple[Fault, ...]
    key: str | None
    size: int
    """Bytes of the body."""
    deliveries: int
    received_at: int
    replayed_at: int | None
    """Epoch ms of the replay that was accepted."""
    target: str | None
    """Id of the message or group that the replay became."""


class DeadLetters(Protocol):
    """Dead letters, inside a unit of work."""

    async def keep(self, letters: Sequence[DeadLetter]) -> int:
        """Store the new ones, by (source, source id); returns how many were new."""
        ...

    async def replayed(self, letter_id: int, target: str, at: int) -> None:
        """Remember what a replay became; `at` is epoch ms. A later replay overwrites it."""
        ...


class DeadLetterReader(Protocol):
    """Queries. They see what is committed, and do not wait for writers."""

    async def dead_letters(
        self, tenant_id: TenantId, source: DeadLetterSource, *, limit: int, before: int | None
    ) -> Sequence[DeadLetterView]:
        """The tenant's, newest first, those with ids below `before`."""
        ...

    async def dead_letter(self, tenant_id: TenantId, letter_id: int) -> tuple[DeadLetterView, bytes] | None:
        """A dead letter of the tenant, and its body."""
        ...
