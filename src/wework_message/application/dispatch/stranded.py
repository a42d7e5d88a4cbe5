"""Accounts whose messages wait because no HOT binding is left, and that have a standby."""

import asyncio
from typing import Final

from wework_message.domain.ids import AccountId, TenantId

MAX_STRANDED: Final = 10_000
"""More are not remembered: their messages are looked at again every few seconds, and name them anew."""


class Stranded:
    """What the claims of this process found; the loop that activates standbys empties it."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._accounts: dict[AccountId, TenantId] = {}
        self.noted = asyncio.Event()
        """Set while there is one."""

    def note(self, tenant_id: TenantId, account_id: AccountId) -> None:
        """A message of this account found no binding."""
        if len(self._accounts) < MAX_STRANDED:
            self._accounts[account_id] = tenant_id
            self.noted.set()

    def take(self) -> list[tuple[TenantId, AccountId]]:
        """All of them; they are forgotten here."""
        taken = [(tenant_id, account_id) for account_id, tenant_id in self._accounts.items()]
        self._accounts.clear()
        self.noted.clear()
        return taken
