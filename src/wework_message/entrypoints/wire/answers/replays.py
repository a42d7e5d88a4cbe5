"""The `data` of answers about failed messages and their replays."""

from collections.abc import Sequence

from msgspec import Struct

from wework_message.domain.failed_messages import FailureGroup
from wework_message.domain.replay import Replay, ReplayItem
from wework_message.entrypoints.wire.instants import iso


class FailureGroupAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """Failed messages with one cause, provider and code."""

    cause: str
    """The messages' `reason`."""
    provider_code: str | None
    """Of the newest attempt; null where there was none."""
    error_code: int | None
    """The provider's integer."""
    count: int
    unconfirmed: int
    """How many are not proven unsent: a replay leaves them out unless it says otherwise."""
    oldest_at: str
    """When the first of them was accepted."""
    newest_at: str
    sample_message_ids: tuple[str, ...]
    """The oldest and the newest."""


class FailureGroupPage(Struct, frozen=True, rename="camel"):
    """The largest group first. Groups of a later page are to be added to those of an earlier one."""

    items: tuple[FailureGroupAnswer, ...]
    next_cursor: str | None


class SkippedMessage(Struct, frozen=True, rename="camel"):
    """A message that a replay had selected and did not replay."""

    message_id: str
    reason: str
    """NOT_FOUND, NOT_SELECTED, CONTENT_ERASED, UNCONFIRMED, RECALL_ASKED, or the status that it has."""


class SelectionAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a replay selects: messages by what they have in common, or by name."""

    cause: str | None
    provider_code: str | None
    error_code: int | None
    account_id: str | None
    created_from: str | None
    created_to: str | None
    unconfirmed: bool
    messages: int | None
    """How many are named; null where none is."""


class ReplayProgress(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a replay is."""

    replay_id: str
    state: str
    """COUNTING, RUNNING, DONE or CANCELLED."""
    done: bool
    """It replays nothing more; `open` messages are still on their way."""
    dry_run: bool
    total: int
    """What it selects; as far as it is counted while it is COUNTING."""
    unconfirmed: int
    """What it leaves out beside that, as it is not proven unsent."""
    replayed: int
    skipped: int
    """What it had selected and did not replay."""
    failed: int
    """What was replayed and failed again."""
    open: int
    """What was replayed and does not rest yet."""
    rate_per_second: float
    created_at: str
    finished_at: str | None
    selection: SelectionAnswer
    skipped_messages: tuple[SkippedMessage, ...] = ()
    """The first 100; empty in a list."""


class ReplayPage(Struct, frozen=True, rename="camel"):
    """Newest first."""

    items: tuple[ReplayProgress, ...]
    next_cursor: str | None


def failure_group(group: FailureGroup) -> FailureGroupAnswer:
    """One group."""
    return FailureGroupAnswer(
        cause=group.cause,
        provider_code=group.provider_code,
        error_code=group.error_code,
        count=group.count,
        unconfirmed=group.unconfirmed,
        oldest_at=iso(group.oldest_at),
        newest_at=iso(group.newest_at),
        sample_message_ids=group.sample_message_ids,
    )


def replay_progress(replay: Replay, skipped: Sequence[ReplayItem] = ()) -> ReplayProgress:
    """One replay, with the messages that it skipped."""
    filters = replay.selection.filter
    return ReplayProgress(
        replay_id=replay.id,
        state=replay.state.value,
        done=replay.done,
        dry_run=replay.dry_run,
        total=replay.total,
        unconfirmed=replay.unconfirmed,
        replayed=replay.replayed,
        skipped=replay.skipped,
        failed=replay.failed,
        open=replay.open,
        rate_per_second=replay.rate_per_second,
        created_at=iso(replay.created_at),
        finished_at=iso(replay.finished_at),
        selection=SelectionAnswer(
            cause=filters.cause,
            provider_code=filters.provider_code,
            error_code=filters.error_code,
            account_id=filters.account_id,
            created_from=iso(filters.created_from),
            created_to=iso(filters.created_to),
            unconfirmed=replay.selection.unconfirmed,
            messages=len(replay.selection.message_ids) or None,
        ),
        skipped_messages=tuple([SkippedMessage(item.message_id, item.reason or "") for item in skipped]),
    )
