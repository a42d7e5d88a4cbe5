"""The `data` of answers about erasures."""

from msgspec import Struct

from wework_message.domain.erasure import Erasure, Part
from wework_message.entrypoints.wire.instants import iso


class ErasedCounts(Struct, frozen=True, kw_only=True, rename="camel"):
    """Rows that are erased; those that would be, for a dry run."""

    messages: int
    """With their attempts. The rows stay, and say neither what was sent nor to whom."""
    keys: int
    """Hashes of the requests of erased messages; 0 for a dry run."""
    callbacks: int
    events: int
    """What webhooks were, or would have been, told of."""
    dead_letters: int
    pool_choices: int


class ErasureProgress(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far an erasure is."""

    erasure_id: str
    state: str
    """RUNNING, WAITING or DONE."""
    done: bool
    dry_run: bool
    conversation_id: str | None
    """Null once it is done: then it is erased too."""
    note: str | None
    part: str | None
    """What it looks at: messages, keys, callbacks, events, deadLetters or poolChoices. Null once it is done."""
    erased: ErasedCounts
    remaining: int
    """Messages that did not rest when it came to them, and callbacks that may be evidence; it looks again."""
    created_at: str
    finished_at: str | None


class ErasurePage(Struct, frozen=True, rename="camel"):
    """Newest first."""

    items: tuple[ErasureProgress, ...]
    next_cursor: str | None


def erasure_progress(erasure: Erasure) -> ErasureProgress:
    """One erasure."""
    return ErasureProgress(
        erasure_id=erasure.id,
        state=erasure.state.value,
        done=erasure.done,
        dry_run=erasure.dry_run,
        conversation_id=erasure.subject.conversation if erasure.subject is not None else None,
        note=erasure.note,
        part=None if erasure.done else erasure.part.value,
        erased=ErasedCounts(**{part.name.lower(): erasure.erased.get(part, 0) for part in Part}),
        remaining=erasure.left,
        created_at=iso(erasure.created_at),
        finished_at=iso(erasure.finished_at),
    )
