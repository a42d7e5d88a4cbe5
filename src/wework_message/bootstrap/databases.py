"""The database of the settings: opened, checked, and brought up."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from wework_message.adapters.sql.backends import backend_of, migrate
from wework_message.adapters.sql.core.database_backend import DatabaseBackend
from wework_message.adapters.sql.core.database_kind import DatabaseAddressError
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.mapping.secret_columns import SecretColumns
from wework_message.adapters.sql.repositories.secret_keys import SECRET_PARTS, missing_keys, needed_keys, note_key
from wework_message.bootstrap.settings import SettingsError, database_source
from wework_message.bootstrap.settings.encryption import KEY, PREVIOUS, cipher_of
from wework_message.bootstrap.settings.http import SecretsSettings
from wework_message.bootstrap.settings.model import DatasourceSettings
from wework_message.domain.errors import ConflictError
from wework_message.domain.ports.secrets import SecretCipher
from wework_message.domain.ports.system import Clock

Noted = TypeVar("Noted")
OfRows = TypeVar("OfRows")

ROWS: Final = 1_000
"""Rows that one statement looks at for keys."""


class SchemaError(SettingsError):
    """The database's schema is not this version's, and cannot be, or may not be, brought up (D-37)."""


class MissingKeyError(SettingsError):
    """Secrets in the database are encrypted with a key that the settings do not have."""


class UnsafeDatabaseError(SettingsError):
    """The server would lose accepted messages, or lacks something that we need."""


def backend_for(datasource: DatasourceSettings) -> DatabaseBackend:
    """The backend of the URL's kind. Raises `SettingsError` where there is none."""
    try:
        return backend_of(datasource.url.scheme if datasource.url else "")
    except DatabaseAddressError as error:
        raise SettingsError("datasource.url", str(error)) from None


@asynccontextmanager
async def open_store(datasource: DatasourceSettings) -> AsyncIterator[Store]:
    """The database, closed at the end. Nothing is connected yet. Raises `SettingsError`."""
    backend, source = backend_for(datasource), database_source(datasource)
    try:
        store = backend.open(source)
    except DatabaseAddressError as error:
        raise SettingsError("datasource.url", str(error)) from None
    except OSError as error:
        text = f"{backend.kind.shown(source)} cannot be opened: {os.fsdecode(error.filename or '')}: {error.strerror}"
        raise SettingsError("datasource.url", text) from None
    try:
        yield store
    finally:
        await store.close()


async def bring_up(store: Store, datasource: DatasourceSettings) -> SchemaState:
    """Migrate under a lock, or only check (D-37); returns the schema's state before.

    Raises `UnsafeDatabaseError`, `SchemaError`, `UnavailableError`.
    """
    await _demand_safety(store, datasource)
    before: SchemaState = await (migrate(store) if datasource.auto_migrate else store.transact(schema_state))
    if before is SchemaState.AHEAD:
        raise SchemaError("datasource.url", "the schema is newer than this version; start the newer version")
    if before is not SchemaState.CURRENT and not datasource.auto_migrate:
        raise SchemaError("datasource.auto-migrate", "the schema is behind; run: wework-message migrate")
    return before


async def secret_columns(store: Store, settings: SecretsSettings, clock: Clock) -> SecretColumns:
    """How secrets get into the database, which is up, and out of it.

    Raises `MissingKeyError` where it holds some that these keys do not decrypt: nothing of it is lost, and nothing is sent. A key
    that was noted, and that no secret needs, stops nothing; it stays noted, since another process may still use it.
    """
    cipher = cipher_of(settings)
    if missing := await _noted(store, missing_keys, cipher, clock.now()):
        if needed := await _needed(store, cipher) & {*missing}:
            names = ", ".join(sorted(needed))
            raise MissingKeyError(
                KEY, f"the database holds secrets of the key {names}, which is neither this nor one of {PREVIOUS}"
            )
        if cipher is not None:
            await _noted(store, note_key, cipher, clock.now())
    return SecretColumns(cipher)


async def _noted(store: Store, note: Callable[..., Noted], cipher: SecretCipher | None, now: int) -> Noted:
    try:
        return await store.transact(note, cipher, now)
    except ConflictError:  # another process has noted the key
        return await store.transact(note, cipher, now)


async def _needed(store: Store, cipher: SecretCipher | None) -> set[str]:
    """Ids of the keys that secrets need: all of them are looked at, which only a start without one of its keys does."""
    from wework_message.adapters.envelope import EnvelopeCipher  # noqa: PLC0415 -- few need the library

    needed: set[str] = set()
    async for of_rows in all_secrets(store.read, needed_keys, cipher or EnvelopeCipher(None), ROWS):
        needed |= of_rows
    return needed


async def all_secrets(
    run: Callable[..., Awaitable[tuple[OfRows, str | None]]],
    step: Callable[..., tuple[OfRows, str | None]],
    cipher: SecretCipher | None,
    rows: int,
) -> AsyncIterator[OfRows]:
    """What `step`, of the repository of secrets, says of so many rows at a time, until it has seen all; `run` runs it."""
    for part in SECRET_PARTS:
        after: str | None = ""
        while after is not None:
            of_rows, after = await run(step, cipher, part, after, rows)
            yield of_rows


async def _demand_safety(store: Store, datasource: DatasourceSettings) -> None:
    """A setting of the server that loses data must be accepted explicitly (R-G5)."""
    for objection in await backend_of(store.name).objections(store):
        if objection.loses_data and datasource.accept_data_loss:
            continue
        unless = ", or set datasource.accept-data-loss: true" if objection.loses_data else ""
        raise UnsafeDatabaseError("datasource.url", f"the server's {objection.variable}: {objection.text}{unless}")
