"""Callback tokens on SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.prepared import Query, deleting, inserting, updating
from wework_message.adapters.sql.mapping.token_table import callback_token
from wework_message.domain.callback_tokens import CallbackToken
from wework_message.domain.ids import Guid, ProviderCode, TenantId
from wework_message.domain.ports.callback_tokens import CallbackTokenReader, CallbackTokenRepository

_ALL: Final = Query(select(callback_token))
_ALL_OF_TENANT: Final = Query(select(callback_token).where(callback_token.c.tenant_id == bindparam("the_tenant_id")))
_NEW: Final = inserting(callback_token)
_END: Final = updating(callback_token, {"token_id": "the_id"}, ["ends_at"])
_DELETE: Final = deleting(callback_token, {"token_id": "the_id"})


class SqlCallbackTokens:
    """Callback tokens inside one transaction."""

    def __init__(self, run: Run) -> None:
        """`run` is that of the transaction."""
        self._run = run

    async def all(self) -> Sequence[CallbackToken]:
        """The whole table."""
        return await self._run(read_callback_tokens)

    async def add(self, token: CallbackToken) -> None:
        """A plain insert: the id is as unlikely to be there as the token."""
        await self._run(_add, token)

    async def end(self, token_id: str, ends_at: int) -> bool:
        """By primary key."""
        return await self._run(_end, token_id, ends_at)

    async def delete(self, token_ids: Sequence[str]) -> int:
        """By primary key."""
        return await self._run(_delete, token_ids) if token_ids else 0


class SqlCallbackTokenReader:
    """What is committed."""

    def __init__(self, read: Run) -> None:
        """`read` runs a query on what is committed."""
        self._read = read

    async def callback_tokens(self, tenant_id: TenantId | None = None) -> Sequence[CallbackToken]:
        """The whole table."""
        return await self._read(read_callback_tokens, tenant_id)


def _add(connection: Connection, token: CallbackToken) -> None:
    row = {
        "token_id": token.token_id,
        "digest": token.digest,
        "tenant_id": token.tenant_id,
        "provider_code": token.provider_code,
        "guid": token.guid,
        "created_at": token.created_at,
        "ends_at": token.ends_at,
    }
    _NEW.many(connection, [row])


def _end(connection: Connection, token_id: str, ends_at: int) -> bool:
    return _END.many(connection, [{"the_id": token_id, "ends_at": ends_at}]) > 0


def _delete(connection: Connection, token_ids: Sequence[str]) -> int:
    return _DELETE.many(connection, [{"the_id": token_id} for token_id in token_ids])


def read_callback_tokens(connection: Connection, tenant_id: TenantId | None = None) -> Sequence[CallbackToken]:
    """All of them, or those of a tenant, the oldest first. They are sorted here: there are few, and no index has the order."""
    rows = _ALL.rows(connection) if tenant_id is None else _ALL_OF_TENANT.rows(connection, the_tenant_id=tenant_id)
    tokens = [_token_of(row) for row in rows]
    return sorted(tokens, key=lambda token: (token.created_at, token.token_id))


def _token_of(row: Mapping[str, Any]) -> CallbackToken:
    return CallbackToken(
        row["token_id"],
        row["digest"],
        TenantId(row["tenant_id"]),
        ProviderCode(row["provider_code"]),
        Guid(row["guid"]) if row["guid"] is not None else None,
        row["created_at"],
        row["ends_at"],
    )


def _conforms(
    tokens: SqlCallbackTokens, reader: SqlCallbackTokenReader
) -> tuple[CallbackTokenRepository, CallbackTokenReader]:
    return tokens, reader
