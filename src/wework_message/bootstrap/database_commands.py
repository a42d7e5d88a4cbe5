"""Commands that need the database and nothing else: ``migrate``, ``recover``, ``callbacks rebuild``, ``keys`` and ``tenants``."""

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from wework_message.adapters.sql import backends
from wework_message.adapters.sql.core.schema import SchemaState
from wework_message.adapters.system import SystemClock, UuidGenerator
from wework_message.application.access.keys import KeyRegistry
from wework_message.application.access.tenants import TenantRegistry
from wework_message.application.maintenance.recover import Recover, Recovered, RecoverHandler
from wework_message.application.maintenance.verify_statuses import Verified, VerifyStatuses, VerifyStatusesHandler
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.application.webhooks.record import RecordEvents
from wework_message.bootstrap.command_trail import in_the_trail, note_done
from wework_message.bootstrap.databases import bring_up, open_store, secret_columns
from wework_message.bootstrap.gateways import callback_readers
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.settings import Loaded
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.audit import AuditAction
from wework_message.entrypoints.cli.services import Access

Result = TypeVar("Result")


async def migrate(loaded: Loaded) -> str:
    """Bring the schema up by hand; returns its state before. Raises `SettingsError`, `UnavailableError`."""
    async with open_store(loaded.settings.datasource) as store:
        before = await backends.migrate(store)
        if before is not SchemaState.CURRENT:
            await note_done(sql_storage(store, SystemClock(), claims=False).units, AuditAction.DATABASE_MIGRATE)
        return str(before)


async def recover(loaded: Loaded, command: Recover) -> Recovered:
    """Bring the schema up as a start does, then mark open messages as uncertain. Raises `SettingsError`, `UnavailableError`."""
    clock = SystemClock()
    async with open_store(loaded.settings.datasource) as store:
        await bring_up(store, loaded.settings.datasource)
        secrets = await secret_columns(store, loaded.settings.security.secrets, clock)
        storage = sql_storage(store, clock, secrets=secrets)
        record = RecordEvents(EndpointDirectory(storage.webhooks, clock), UuidGenerator(), clock)
        handler = RecoverHandler(storage.units, storage.reader, storage.replays, policy_of(loaded), clock, record)
        if command.dry_run:
            return await handler(command)
        async with in_the_trail(storage.units, AuditAction.DATABASE_RECOVER):
            return await handler(command)


async def verify_statuses(loaded: Loaded, command: VerifyStatuses) -> Verified:
    """Compare every status with its evidence. Raises `SettingsError`, `UnavailableError`."""
    async with open_store(loaded.settings.datasource) as store:
        storage = sql_storage(store, SystemClock(), claims=False)
        readers = callback_readers(loaded.settings.app.wework.providers)
        return await VerifyStatusesHandler(storage.reader, readers)(command)


async def with_access(loaded: Loaded, work: Callable[[Access], Awaitable[Result]]) -> Result:
    """Look at keys and tenants, and change them: processes that serve see it within 5 s.

    Brings the schema up as a start does. Raises `SettingsError`, `UnavailableError`, and what `work` raises.
    """
    clock = SystemClock()
    datasource, environment = loaded.settings.datasource, loaded.settings.security.environment
    async with open_store(datasource) as store:
        await bring_up(store, datasource)
        storage = sql_storage(store, clock, claims=False)
        return await work(
            Access(
                KeyRegistry(storage.units, storage.api_keys, clock, secrets.token_bytes, environment),
                TenantRegistry(storage.units, storage.api_keys, clock),
                clock.now,
                partial(in_the_trail, storage.units),
            )
        )
