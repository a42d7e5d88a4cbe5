"""Views of media assets on SQL."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.media_rows import asset_of
from wework_message.adapters.sql.mapping.media_tables import media, media_handle
from wework_message.adapters.sql.mapping.secret_columns import CLEAR, SecretColumns
from wework_message.domain.ids import MediaId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.ports.media_reader import MadeHandle, MediaView

_BY_ID: Final = Query(select(media).where(media.c.id == bindparam("the_id")))
_BY_ID_OF_TENANT: Final = Query(
    by_index(
        select(media).where(
            media.c.id == bindparam("the_id"), beside_index(media.c.tenant_id) == bindparam("the_tenant")
        ),
        media,
    )
)
_PAGE: Final = by_index(
    select(media)
    .where(beside_index(media.c.tenant_id) == bindparam("the_tenant"))
    .order_by(media.c.id.desc())
    .limit(bindparam("limit", 0)),
    media,
)
_FIRST_PAGE: Final = Query(_PAGE)
_NEXT_PAGE: Final = Query(_PAGE.where(media.c.id < bindparam("before")))
_HANDLES: Final = Query(
    by_index(
        select(media_handle.c.sha256, media_handle.c.provider_code, media_handle.c.kind, media_handle.c.file_id)
        .where(
            media_handle.c.tenant_id == bindparam("the_tenant"),
            media_handle.c.sha256.in_(bindparam("hashes", expanding=True)),
            media_handle.c.refusal.is_(None),
        )
        .order_by(media_handle.c.sha256, media_handle.c.provider_code, media_handle.c.kind),
        media_handle,
    )
)


class SqlMediaReader:
    """Reads what is committed."""

    def __init__(self, read: Run, secrets: SecretColumns = CLEAR) -> None:
        """`read` runs a query on what is committed."""
        self._read = read
        self._secrets = secrets

    async def asset(self, tenant_id: TenantId | None, media_id: MediaId) -> MediaView | None:
        """By primary key."""
        return await self._read(_asset, self._secrets, tenant_id, media_id)

    async def assets(self, tenant_id: TenantId, *, limit: int, before: MediaId | None) -> Sequence[MediaView]:
        """By primary key, from its end."""
        return await self._read(_page, self._secrets, tenant_id, limit, before)


def _asset(
    connection: Connection, secrets: SecretColumns, tenant_id: TenantId | None, media_id: MediaId
) -> MediaView | None:
    if tenant_id is None:
        rows = _BY_ID.rows(connection, the_id=media_id)
    else:
        rows = _BY_ID_OF_TENANT.rows(connection, the_id=media_id, the_tenant=tenant_id)
    asset = next((asset_of(row, secrets) for row in rows), None)
    return None if asset is None else _views(connection, asset.tenant_id, [asset])[0]


def _page(
    connection: Connection, secrets: SecretColumns, tenant_id: TenantId, limit: int, before: MediaId | None
) -> Sequence[MediaView]:
    if before is None:
        rows = _FIRST_PAGE.rows(connection, the_tenant=tenant_id, limit=limit)
    else:
        rows = _NEXT_PAGE.rows(connection, the_tenant=tenant_id, limit=limit, before=before)
    return _views(connection, tenant_id, [asset_of(row, secrets) for row in rows])


def _views(connection: Connection, tenant_id: TenantId, assets: Sequence[MediaAsset]) -> list[MediaView]:
    hashes = sorted({asset.facts.sha256 for asset in assets if asset.facts is not None})
    made: dict[str, list[MadeHandle]] = defaultdict(list)
    if hashes:
        for row in _HANDLES.rows(connection, the_tenant=tenant_id, hashes=hashes):
            handle = MadeHandle(ProviderCode(row["provider_code"]), UploadKind(row["kind"]), row["file_id"])
            made[row["sha256"]].append(handle)
    return [MediaView(asset, tuple(made[asset.facts.sha256]) if asset.facts else ()) for asset in assets]
