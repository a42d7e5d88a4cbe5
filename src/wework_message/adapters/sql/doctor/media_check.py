"""Whether somebody fetches and uploads the media that messages wait for, and has their bytes, as the stored rows show it."""

from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import Connection

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.repositories import media_counts
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.system import Clock

OVERDUE_MS: Final = 600_000
"""A job that is due for longer is one that no process claims."""

_NOTHING: Final = -1


def media_check(run: Run, clock: Clock) -> Check:
    """``media.jobs``: no fetch or upload is due for long. `clock` is this machine's."""

    async def ask() -> Finding:
        due_at = await run(_first_due)
        if due_at is None:
            return Finding.skipped("the tables are not those of this version yet")
        late_ms = 0 if due_at == _NOTHING else clock.now() - due_at
        if late_ms <= OVERDUE_MS:
            return Finding.ok("no fetch or upload of media is due for long")
        return Finding.warning(
            f"a fetch or upload of media has been due for {late_ms // 60_000} min",
            "start a process that sends, or look into its log for what keeps media waiting",
        )

    return Check("media.jobs", ask, after="database.schema")


def bytes_check(run: Run, size: Callable[[BlobKey], Awaitable[int | None]]) -> Check:
    """``media.bytes``: what `size` says of the newest file, which another process may have taken in: it has its bytes, too."""

    async def ask() -> Finding:
        newest = await run(_newest)
        if newest is None:
            return Finding.skipped("there is no file yet")
        if await size(newest) is not None:
            return Finding.ok("the bytes of the newest file are there")
        return Finding.warning(
            "the bytes of the newest file are not there, so messages that need it fail",
            "let all processes have one app.media.folder, or an object store; after a restore, restore its bytes",
        )

    return Check("media.bytes", ask, after="database.schema")


def _newest(connection: Connection) -> BlobKey | None:
    return media_counts.newest(connection) if schema_state(connection) is SchemaState.CURRENT else None


def _first_due(connection: Connection) -> int | None:
    if schema_state(connection) is not SchemaState.CURRENT:
        return None
    first = media_counts.first_due(connection)
    return _NOTHING if first is None else first
