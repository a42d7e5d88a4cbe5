"""The claim in turns where rows with a turn cannot be taken: other processes have them locked."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from wework_message.adapters.sql.core import turns
from wework_message.adapters.sql.core.turns import ClaimInTurn, FirstRows, Row, as_read
from wework_message.domain.ids import AccountId
from wework_message.domain.routing.shares import MAX_ACCOUNTS, Turn


class NoRows:
    """Nothing comes due by time."""

    def rows(self, _: Connection, /, **parameters: Any) -> list[Row]:
        return []


class ManyAccounts:
    """More of them than a claim tries."""

    def rows(self, _: Connection, /, **parameters: Any) -> list[Row]:
        behind = int(parameters["after"] or 0)
        last = min(behind + parameters["steps"], 9 * MAX_ACCOUNTS)
        return [{"turn": f"{number:09}"} for number in range(behind + 1, last + 1)]


class LockedRows(FirstRows):
    """No account gives a row."""

    def __init__(self) -> None:
        self.accounts: list[AccountId] = []

    def rows(
        self, _: Connection, shares: Mapping[AccountId, int], now: int, no_bulk: Collection[AccountId] = ()
    ) -> list[Row]:
        self.accounts += shares
        return []


def test_a_claim_that_finds_nothing_tries_so_many_accounts_and_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MAX_TRIED", 2 * MAX_ACCOUNTS)
    first = LockedRows()
    claim = ClaimInTurn(NoRows(), ManyAccounts(), first, as_read)
    with create_engine("sqlite://").connect() as connection:
        assert claim.rows(connection, now=0, limit=1_000, turn=Turn()) == []
    assert len(first.accounts) == len(set(first.accounts)) == 2 * MAX_ACCOUNTS
