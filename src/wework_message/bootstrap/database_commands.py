"""Commands that need the database and nothing else: ``migrate``, ``recover``, ``callbacks rebuild`` and ``secrets``."""

from typing import Final

from wework_message.adapters.sql import backends
from wework_message.adapters.sql.core.schema import SchemaState
from wework_message.adapters.sql.repositories.secret_keys import (
    PARTS,
    SecretCounts,
    count_secrets,
    forget_other_keys,
    merged,
    renew_secrets,
)
from wework_message.adapters.system import SystemClock, UuidGenerator
from wework_message.application.maintenance.recover import Recover, Recovered, RecoverHandler
from wework_message.application.maintenance.verify_statuses import Verified, VerifyStatuses, VerifyStatusesHandler
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.application.webhooks.record import RecordEvents
from wework_message.bootstrap.command_trail import in_the_trail, note_done
from wework_message.bootstrap.databases import bring_up, open_store, secret_columns
from wework_message.bootstrap.gateways import callback_readers
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.settings import Loaded
from wework_message.bootstrap.settings.encryption import cipher_of, required_cipher
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.audit import AuditAction
from wework_message.entrypoints.cli.services import CheckedSecrets, RotatedSecrets

_ROWS: Final = 200
"""Rows of one transaction: running services wait for none of them for long."""


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


async def check_secrets(loaded: Loaded) -> CheckedSecrets:
    """Decrypt every secret of the database. Raises `SettingsError`, `UnavailableError`."""
    cipher = cipher_of(loaded.settings.security.secrets)
    async with open_store(loaded.settings.datasource) as store:
        await bring_up(store, loaded.settings.datasource)
        await secret_columns(store, loaded.settings.security.secrets, SystemClock())
        counts: list[SecretCounts] = []
        for part in PARTS:
            after: str | None = ""
            while after is not None:
                of_rows, after = await store.read(count_secrets, cipher, part, after, _ROWS)
                counts.append(of_rows)
    whole = merged(counts)
    key_id = cipher.key_id if cipher is not None else None
    return CheckedSecrets(dict(sorted(whole.by_key.items())), tuple(whole.unreadable), key_id)


async def rotate_secrets(loaded: Loaded) -> RotatedSecrets:
    """Encrypt every secret of the database with the present key, also those in clear. Raises `SettingsError`, `UnavailableError`.

    Services may run, if all of them have the present key. Interrupted, it goes on where it is called again.
    """
    settings, clock = loaded.settings, SystemClock()
    cipher = required_cipher(settings.security.secrets)
    own = cipher.key_id or ""
    async with open_store(settings.datasource) as store:
        await bring_up(store, settings.datasource)
        await secret_columns(store, settings.security.secrets, clock)
        renewed = 0
        async with in_the_trail(sql_storage(store, clock, claims=False).units, AuditAction.SECRET_ROTATE, target=own):
            for part in PARTS:
                after: str | None = ""
                while after is not None:
                    of_rows, after = await store.transact(renew_secrets, cipher, part, after, _ROWS)
                    renewed += of_rows
            retired = await store.transact(forget_other_keys, own)
    return RotatedSecrets(renewed, own, tuple(retired))
