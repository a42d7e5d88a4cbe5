"""The `data` of a resolution in bulk (W-5)."""

from msgspec import Struct

from wework_message.application.actions.resolve import Resolved
from wework_message.domain.message.resolution import Resolution
from wework_message.entrypoints.wire.instants import iso


class BulkResolutionAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one request of a resolution in bulk came to. Add the numbers of all requests up."""

    outcome: str
    dry_run: bool
    as_of: str
    """Only messages are matched that have not changed since. The following requests name it."""
    matched: int
    """Messages that are UNKNOWN and pass the filters."""
    resolved: int
    """0 in a dry run; the others of those matched were settled by evidence, or by somebody else, in the meantime."""
    sample_message_ids: tuple[str, ...]
    """The first ten of those matched."""
    next_cursor: str | None
    """Of the following request; null: it is through."""


def bulk_resolution(
    resolved: Resolved, outcome: Resolution, *, dry_run: bool, as_of: int, next_cursor: str | None
) -> BulkResolutionAnswer:
    """The `data` of one request; `as_of` is epoch ms."""
    return BulkResolutionAnswer(
        outcome=outcome.value,
        dry_run=dry_run,
        as_of=iso(as_of),
        matched=resolved.matched,
        resolved=resolved.resolved,
        sample_message_ids=resolved.samples,
        next_cursor=next_cursor,
    )
