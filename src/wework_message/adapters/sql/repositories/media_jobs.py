"""Jobs of media on SQL: fetches and uploads, each of which one process at a time works on."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, updating
from wework_message.adapters.sql.mapping.media_rows import job_key_row, job_row
from wework_message.adapters.sql.mapping.media_tables import media_job
from wework_message.adapters.sql.repositories.media_assets import DELETE_JOB
from wework_message.domain.ids import HolderToken, ProviderCode
from wework_message.domain.ports.media import LONGEST_WAIT_MS, MediaJob

_job = media_job.c
_NOBODY: Final = "-"
"""No provider's code: a list must not be empty."""
_KEYS: Final = ("tenant_id", "subject", "provider_code", "kind")
_OF_KEY: Final = {name: name for name in _KEYS}
_DUE: Final = by_index(
    select(media_job)
    .where(_job.provider_code.not_in(bindparam("without", expanding=True)))
    .order_by(_job.due_at, _job.subject)
    .limit(bindparam("limit", 0)),
    media_job,
    "ix_wm_media_job_due",
).with_for_update(skip_locked=True)
_IN_TIME: Final = Query(_DUE.where(_job.due_at <= bindparam("now")))
_SET_BACK: Final = Query(_DUE.where(_job.due_at > bindparam("now")))
_CLAIM: Final = updating(media_job, _OF_KEY, ["due_at", "holder"])
_LOCKED: Final = Query(
    by_index(
        select(_job.holder, _job.tries).where(*(_job[name] == bindparam(f"the_{name}") for name in _KEYS)), media_job
    ).with_for_update()
)
_LATER: Final = updating(media_job, _OF_KEY, ["due_at", "tries", "guid", "holder"])
_NEW_GUID: Final = updating(media_job, _OF_KEY, ["guid"])
_STORED: Final = Query(
    by_index(
        select(*(_job[name] for name in _KEYS), _job.guid, _job.tries, _job.holder).where(
            _job.tenant_id == bindparam("the_tenant"), _job.subject.in_(bindparam("subjects", expanding=True))
        ),
        media_job,
    )
)


def request(connection: Connection, dialect: Dialect, jobs: Sequence[MediaJob], now: int) -> None:
    """Insert those that are not there. One that is there is only read: claims of one asset would wait for each other."""
    new: dict[tuple[str, ...], dict[str, Any]] = {}
    for job in jobs:
        row = job_row(job, now)
        new.setdefault(tuple([row[name] for name in _KEYS]), row)
    stored: dict[tuple[str, ...], dict[str, Any]] = {}
    for tenant_id in sorted({job.tenant_id for job in jobs}):
        subjects = sorted({row["subject"] for key, row in new.items() if key[0] == tenant_id})
        for row in _STORED.rows(connection, the_tenant=tenant_id, subjects=subjects):
            stored[tuple([row[name] for name in _KEYS])] = row
    dialect.new_media_job.many(connection, [row for key, row in sorted(new.items()) if key not in stored])
    other_guid = [
        row
        for key, row in sorted(new.items())
        if key in stored
        and stored[key]["tries"]
        and stored[key]["holder"] is None
        and stored[key]["guid"] != row["guid"]
    ]
    _NEW_GUID.many(connection, other_guid)


def claim(
    connection: Connection,
    limit: int,
    lease_ms: int,
    holder: HolderToken,
    without: Collection[ProviderCode | None],
    now: int,
) -> Sequence[dict[str, Any]]:
    """Due rows, oldest first; also those that a clock wrote that has been set back since."""
    left_out = sorted(code or "" for code in without) or [_NOBODY]
    rows = _IN_TIME.rows(connection, now=now, limit=limit, without=left_out)
    if len(rows) < limit:
        far = {"now": now + LONGEST_WAIT_MS, "limit": limit - len(rows)}
        rows += _SET_BACK.rows(connection, **far, without=left_out)
    _CLAIM.many(connection, [row | {"due_at": now + lease_ms, "holder": holder} for row in rows])
    return rows


def end(connection: Connection, job: MediaJob, holder: HolderToken) -> bool:
    """Delete it, if `holder` has it still."""
    if _own(connection, job, holder) is None:
        return False
    DELETE_JOB.many(connection, [job_key_row(job)])
    return True


def put_off(connection: Connection, job: MediaJob, holder: HolderToken, due_at: int, *, tried: bool) -> None:
    """Until `due_at`, if `holder` has it still."""
    row = _own(connection, job, holder)
    if row is not None:
        later = {"due_at": due_at, "tries": row["tries"] + tried, "guid": job.guid, "holder": None}
        _LATER.many(connection, [job_key_row(job) | later])


def _own(connection: Connection, job: MediaJob, holder: HolderToken) -> dict[str, Any] | None:
    rows = _LOCKED.rows(connection, **{f"the_{name}": value for name, value in job_key_row(job).items()})
    return next((row for row in rows if row["holder"] == holder), None)
