"""The claim in turns, in memory (ADR 31)."""

from wework_message.adapters.memory.database import DueRow
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.routing.shares import Turn


def share_out(ready: list[DueRow], turn: Turn | None, limit: int, now: int) -> list[DueRow]:
    """Which of the due rows `ready` are claimed, in claim order; `now` in epoch ms."""
    ready.sort(key=_claim_order)
    if turn is None:
        return ready[:limit]
    ready = [row for row in ready if not _bulk_waits(row, turn, now)]
    return turn.share_out(ready, limit, lambda row: row.lane[0] if row.in_line(now) and not row.paced else None)


def _bulk_waits(row: DueRow, turn: Turn, now: int) -> bool:
    bulk = row.urgency == Urgency.BULK and row.lane[0] in turn.no_bulk
    return bulk and row.in_line(now) and not row.paced


def _claim_order(row: DueRow) -> tuple[int, int, int]:
    return row.urgency, row.due_at, row.seq
