"""How many media assets and jobs there are, and the newest one, on SQL: no count reads more than so many entries of an index."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from wework_message.adapters.sql.core.dialect import literal_number
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.media_tables import media, media_job
from wework_message.domain.ids import TenantId
from wework_message.domain.media.asset import MediaState
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.store_metrics import MAX_COUNTED_MEDIA, MediaWork

_LIMIT: Final = literal_number(MAX_COUNTED_MEDIA)
_some_jobs: Final = by_index(select(media_job.c.kind).limit(_LIMIT), media_job).subquery()
_JOBS: Final = Query(select(_some_jobs.c.kind, func.count().label("jobs")).group_by(_some_jobs.c.kind))
_FIRST_DUE: Final = Query(select(func.min(media_job.c.due_at).label("due_at")))
_of_state: Final = by_index(
    select(media.c.id).where(media.c.state == bindparam("the_state")).limit(_LIMIT), media, "ix_wm_media_state"
).subquery()
_ASSETS: Final = Query(select(func.count().label("assets")).select_from(_of_state))
_NEWEST: Final = Query(
    by_index(
        select(media.c.tenant_id, media.c.sha256)
        .where(media.c.state == MediaState.READY.value)
        .order_by(media.c.id.desc())
        .limit(literal_number(1)),
        media,
        "ix_wm_media_state",
    )
)


def jobs(connection: Connection) -> Mapping[MediaWork, int]:
    """What `StoreMetrics.media_jobs` does."""
    counts = Counter[MediaWork]()
    for row in _JOBS.rows(connection):
        counts[MediaWork.UPLOAD if row["kind"] else MediaWork.FETCH] += row["jobs"]
    return counts


def first_due(connection: Connection) -> int | None:
    """When the job is due that is due first, epoch ms; None where there is none."""
    due_at: int | None = _FIRST_DUE.rows(connection)[0]["due_at"]
    return due_at


def assets(connection: Connection) -> Mapping[MediaState, int]:
    """What `StoreMetrics.media_assets` does."""
    return {state: _ASSETS.rows(connection, the_state=state.value)[0]["assets"] for state in MediaState}


def newest(connection: Connection) -> BlobKey | None:
    """The bytes of the asset that became READY last, about; None where there is none."""
    for row in _NEWEST.rows(connection):
        return BlobKey(TenantId(row["tenant_id"]), row["sha256"])
    return None
