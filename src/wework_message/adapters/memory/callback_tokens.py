"""Callback tokens in memory."""

import dataclasses
from collections.abc import Iterable, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.callback_tokens import CallbackToken
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.callback_tokens import CallbackTokenReader, CallbackTokenRepository


class MemoryCallbackTokens:
    """Callback tokens, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def all(self) -> Sequence[CallbackToken]:
        return _in_order(token for _, token in self._db.callback_tokens.items())

    async def add(self, token: CallbackToken) -> None:
        self._db.callback_tokens.put(token.token_id, token)

    async def end(self, token_id: str, ends_at: int) -> bool:
        token = self._db.callback_tokens.get(token_id)
        if token is not None:
            self._db.callback_tokens.put(token_id, dataclasses.replace(token, ends_at=ends_at))
        return token is not None

    async def delete(self, token_ids: Sequence[str]) -> int:
        known = [token_id for token_id in token_ids if self._db.callback_tokens.get(token_id) is not None]
        for token_id in known:
            self._db.callback_tokens.drop(token_id)
        return len(known)


class MemoryCallbackTokenReader:
    """What is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def callback_tokens(self, tenant_id: TenantId | None = None) -> Sequence[CallbackToken]:
        self._db.check_available()
        tokens = self._db.callback_tokens.committed_rows()
        return _in_order(token for token in tokens if tenant_id in (None, token.tenant_id))


def _in_order(tokens: Iterable[CallbackToken]) -> Sequence[CallbackToken]:
    return sorted(tokens, key=lambda token: (token.created_at, token.token_id))


def _conforms(
    tokens: MemoryCallbackTokens, reader: MemoryCallbackTokenReader
) -> tuple[CallbackTokenRepository, CallbackTokenReader]:
    return tokens, reader
