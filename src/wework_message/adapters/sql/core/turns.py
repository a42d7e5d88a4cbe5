"""The claim in turns: what came due gets its turn, accounts are walked, and each gives its first messages (ADR 31).

No part of it reads a backlog: the walk jumps from account to account in the index, and each account is read up to its share.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, bindparam, select, union_all

from wework_message.adapters.sql.core.dialect import HELD_BY_UNKNOWN, literal_number
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.named_claims import claim_order, named
from wework_message.adapters.sql.core.prepared import Query, Selection, updating
from wework_message.adapters.sql.mapping.rows import NO_TURN, SCHEDULED_POSITION, account_of_lane
from wework_message.adapters.sql.mapping.tables import due
from wework_message.domain.ids import AccountId
from wework_message.domain.message.scheduling import LanePosition, Urgency
from wework_message.domain.ports.repositories import LaneBlock
from wework_message.domain.routing.shares import MAX_ACCOUNTS, Turn

BY_TURN: Final = "ix_wm_due_turn"
"""The index by which accounts are walked and read."""

MAX_TIMED: Final = 200
"""Rows whose time has come that one claim gives a turn."""

MAX_ROUNDS: Final = 5
"""How often a claim that may start no send reads what came due: a recall may lie behind a thousand scheduled messages."""

MAX_TRIED: Final = 500
"""Accounts in which one claim looks for its first message."""

Row = dict[str, Any]

_WAITING: Final = (LanePosition.WAITING.value, SCHEDULED_POSITION)
_SHARED_BY: Final = (due.c.place, due.c.paced, due.c.lane)
"""What says which account a row belongs to, and whether it waits for a turn."""
_GIVE_TURN: Final = updating(due, {"seq": "the_seq"}, ["turn"])


Complete = Callable[[Connection, list[Row], int], list[Row]]
"""Adds what is before each row in its lane, where the rows come without it; the last argument is now, epoch ms."""


class ClaimByAge:
    """Due rows in the order of their index, whoever's turn it is: one statement less, and no account is walked."""

    def __init__(self, oldest: Selection, complete: Complete) -> None:
        """`oldest` reads and locks them; parameters `now` and `limit`."""
        self._oldest = oldest
        self._complete = complete

    def rows(self, connection: Connection, /, **parameters: Any) -> list[Row]:
        """`parameters` are `now` and `limit`."""
        return self._complete(connection, self._oldest.rows(connection, **parameters), parameters["now"])


class ClaimInTurn:
    """Due rows of the accounts whose turn it is, and those that wait for no turn."""

    def __init__(self, timed: Selection, walk: Selection, first: "FirstRows", complete: Complete) -> None:
        """`timed` reads and locks the rows without a turn whose time has come; parameters `now` and `limit`.

        `walk` reads `steps` accounts behind `after`, and the first ones; it also has the parameter `now`.
        """
        self._timed = timed
        self._first = first
        self._complete = complete
        self._walk = walk

    def rows(self, connection: Connection, *, now: int, limit: int, turn: Turn) -> list[Row]:
        """In claim order."""
        others, accounts = self._came_due(connection, now=now)
        for _ in range(MAX_ROUNDS - 1):
            if limit > 0 or others or not accounts:
                break
            others, accounts = self._came_due(connection, now=now)
        beside, limit = turn.beside(limit, len(others))
        taken = self._in_turn(connection, accounts, now=now, limit=limit, turn=turn)
        return self._complete(connection, sorted([*others[:beside], *taken], key=claim_order), now)

    def _came_due(self, connection: Connection, *, now: int) -> tuple[list[Row], set[AccountId]]:
        """Of the first rows whose time has come those that need no turn, and the accounts of the others, which get theirs."""
        timed = self._timed.rows(connection, now=now, limit=MAX_TIMED)
        promoted = {row["seq"]: account_id for row in timed if (account_id := turn_of(row)) is not None}
        _GIVE_TURN.many(connection, [{"the_seq": seq, "turn": account_id} for seq, account_id in promoted.items()])
        return [row for row in timed if turn_of(row) is None], set(promoted.values())

    def _in_turn(
        self, connection: Connection, accounts: set[AccountId], *, now: int, limit: int, turn: Turn
    ) -> list[Row]:
        """Of the next accounts that have any.

        Rows with a turn are due, but for those that a process of the version before moved or a clock that was set back,
        and for those that another process has locked.
        """
        tried: set[AccountId] = set()
        while limit > 0 and len(tried) < MAX_TRIED:
            steps = min(limit, MAX_ACCOUNTS) + len(turn.without)
            walked = self._walk.rows(connection, now=now, after=turn.after or NO_TURN, steps=steps)
            shares = turn.split((accounts | {row["turn"] for row in walked}) - tried, limit)
            if not shares:
                break
            if taken := self._first.rows(connection, shares, now, turn.no_bulk):
                return taken
            tried |= shares.keys()
            turn = dataclasses.replace(turn, after=[*shares][-1])
        return []


class ClaimNamed:
    """As `ClaimInTurn`, of the messages that a wake-up named."""

    def __init__(self, now: ColumnElement[int], take: Selection, complete: Complete) -> None:
        """`take` reads and locks rows among `ids`; `now` in epoch ms."""
        self._complete = complete
        self._peek = Query(named((due.c.message_id, due.c.urgency, due.c.due_at, due.c.seq, *_SHARED_BY), now))
        self._take = take

    def rows(self, connection: Connection, *, now: int, limit: int, turn: Turn, ids: Sequence[str]) -> list[Row]:
        """In claim order. Where there are more ids than one, those to lock are chosen before they are locked."""
        if len(ids) > 1:
            peeked = [row for row in self._peek.rows(connection, now=now, ids=list(ids)) if not _bulk_waits(row, turn)]
            shared_out = turn.share_out(sorted(peeked, key=claim_order), limit, turn_of)
            ids = [row["message_id"] for row in shared_out]
        taken = self._take.rows(connection, now=now, ids=list(ids)) if ids else []
        return self._complete(connection, turn.share_out(sorted(taken, key=claim_order), limit, turn_of), now)


class FirstRows:
    """Reads the first rows of some accounts, in one statement."""

    def __init__(self, statement: Callable[[Sequence[Select[Any]]], Any], first: Callable[[int], Select[Any]]) -> None:
        """`first` selects up to `limit_N` rows of the account `turn_N`; `statement` makes one of several."""
        self._statement = statement
        self._first = first
        self._queries: dict[tuple[int, bool], Query] = {}

    def rows(
        self, connection: Connection, shares: Mapping[AccountId, int], now: int, no_bulk: Collection[AccountId] = ()
    ) -> list[Row]:
        """At least one account. Statements have few sizes: the places that are left take no rows."""
        size = 1 << (len(shares) - 1).bit_length()
        pairs = [*shares.items()] + [(NO_TURN, 0)] * (size - len(shares))
        values: dict[str, Any] = {}
        for place, (account_id, share) in enumerate(pairs):
            values |= {f"turn_{place}": account_id, f"limit_{place}": share}
        some_without = not shares.keys().isdisjoint(no_bulk)
        if some_without:  # seldom, so the usual statement stays as it is
            values |= {f"worst_{place}": _worst(account_id in no_bulk) for place, (account_id, _) in enumerate(pairs)}
        if (size, some_without) not in self._queries:
            firsts = [self._first(place) for place in range(size)]
            if some_without:
                firsts = [first.where(due.c.urgency <= bindparam(f"worst_{n}", 0)) for n, first in enumerate(firsts)]
            self._queries[size, some_without] = Query(self._statement(firsts))
        return self._queries[size, some_without].rows(connection, now=now, **values)


def _worst(without_bulk: bool) -> int:
    return (Urgency.NORMAL if without_bulk else Urgency.BULK).value


def first_of_turn(columns: Sequence[ColumnElement[Any]], now: ColumnElement[int], place: int) -> Select[Any]:
    """The first rows of the account in `place`: a range of the index, in its order."""
    rows = (
        select(*columns)
        .where(due.c.turn == bindparam(f"turn_{place}", ""), due.c.due_at <= now)
        .order_by(due.c.urgency, due.c.due_at, due.c.seq)
        .limit(bindparam(f"limit_{place}", 0))
    )
    return by_index(rows, due, BY_TURN)


def turn_of(row: Mapping[str, Any]) -> AccountId | None:
    """The account whose turn a message to be sent waits for; None for one that has its place in the budget, and for no send."""
    return account_of_lane(row["lane"]) if row["place"] in _WAITING and not row["paced"] else None


def _bulk_waits(row: Mapping[str, Any], turn: Turn) -> bool:
    return row["urgency"] == Urgency.BULK and turn_of(row) in turn.no_bulk


def lane_block(row: Mapping[str, Any]) -> LaneBlock | None:
    """Why the message of a claimed row may not be sent yet."""
    if row["holder"] == HELD_BY_UNKNOWN:
        return LaneBlock.BEHIND_UNKNOWN
    return LaneBlock.BEHIND if row["holder"] is not None or row["behind"] else None


def as_read(_: Connection, claimed: list[Row], __: int) -> list[Row]:
    """For a database whose rows come with what is before them."""
    return claimed


def walk(now: ColumnElement[int]) -> CompoundSelect[Any]:
    """From account to account, one row of the index each, where a database seeks by a value of another row."""
    behind = _chain("behind", bindparam("after", ""), now)
    return union_all(behind, _chain("ahead", bindparam("first", NO_TURN), now))


def _chain(name: str, after: ColumnElement[str], now: ColumnElement[int]) -> Select[Any]:
    start = select(_next(after, now).label("turn"), literal_number(1).label("step")).cte(name, recursive=True)
    following = select(_next(start.c.turn, now), start.c.step + literal_number(1)).where(
        start.c.turn.is_not(None), start.c.step < bindparam("steps", 0)
    )
    chain = start.union_all(following)
    return select(chain.c.turn).where(chain.c.turn.is_not(None))


def _next(turn: Any, now: ColumnElement[int]) -> ColumnElement[str]:
    """Rows with a turn are due, but for those that a process of the version before moved, or a clock that was set back."""
    other = due.alias("following")
    following = (
        select(other.c.turn)
        .where(other.c.turn > turn, other.c.due_at <= now)
        .order_by(other.c.turn)
        .limit(literal_number(1))
    )
    return by_index(following, other, BY_TURN).scalar_subquery()
