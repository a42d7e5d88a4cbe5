"""The claim in turns, in memory (ADR 31)."""

from wework_message.adapters.memory.database import DueRow
from wework_message.domain.ids import AccountId
from wework_message.domain.routing.shares import Turn


def share_out(ready: list[DueRow], turn: Turn | None, limit: int, now: int) -> list[DueRow]:
    """Which of the due rows `ready` are claimed, in claim order; `now` in epoch ms."""
    ready.sort(key=_claim_order)
    if turn is None:
        return ready[:limit]
    others = [row for row in ready if row.paced or not row.in_line(now)]
    others = others[: limit if turn.others is None else turn.others]
    waiting: dict[AccountId, list[DueRow]] = {}
    for row in ready:
        if row.in_line(now) and not row.paced:
            waiting.setdefault(row.lane[0], []).append(row)
    shares = turn.split(waiting, limit - len(others) if turn.others is None else limit)
    taken = [row for account_id, share in shares.items() for row in waiting[account_id][:share]]
    return sorted([*others, *taken], key=_claim_order)


def _claim_order(row: DueRow) -> tuple[int, int, int]:
    return row.urgency, row.due_at, row.seq
