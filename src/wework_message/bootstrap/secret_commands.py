"""``wework-message secrets``: looks after secrets at rest (ADR 72)."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from wework_message.bootstrap.settings import Loaded
from wework_message.bootstrap.settings.encryption import cipher_of, encrypted_value, required_cipher
from wework_message.domain.audit import AuditAction
from wework_message.entrypoints.cli.services import CheckedSecrets, RotatedSecrets, SecretsAtRest

ROWS: Final = 200
"""Rows of one transaction: running services wait for none of them for long."""


@dataclass(frozen=True, slots=True)
class SecretCommands:
    """On the database of the settings."""

    loaded: Loaded
    as_failure: Callable[[], AbstractContextManager[None]]
    """Makes a failed command of what an operator can mend."""

    def encrypt(self, setting: str, clear: str) -> str:
        """Needs no database."""
        with self.as_failure():
            return encrypted_value(required_cipher(self.loaded.settings.security.secrets), setting, clear)

    def check(self) -> CheckedSecrets:
        """See `check_secrets`."""
        with self.as_failure():
            return asyncio.run(check_secrets(self.loaded))

    def rotate(self) -> RotatedSecrets:
        """See `rotate_secrets`."""
        with self.as_failure():
            return asyncio.run(rotate_secrets(self.loaded))


async def check_secrets(loaded: Loaded) -> CheckedSecrets:
    """Decrypt every secret of the database. Raises `SettingsError`, `UnavailableError`."""
    from wework_message.adapters.sql.repositories.secret_keys import count_secrets, merged  # noqa: PLC0415 - `--help` needs no database
    from wework_message.adapters.system import SystemClock  # noqa: PLC0415 - as above
    from wework_message.bootstrap.databases import all_secrets, bring_up, open_store, secret_columns  # noqa: PLC0415 - as above

    cipher = cipher_of(loaded.settings.security.secrets)
    async with open_store(loaded.settings.datasource) as store:
        await bring_up(store, loaded.settings.datasource)
        await secret_columns(store, loaded.settings.security.secrets, SystemClock())
        counts = [of_rows async for of_rows in all_secrets(store.read, count_secrets, cipher, ROWS)]
    whole = merged(counts)
    key_id = cipher.key_id if cipher is not None else None
    return CheckedSecrets(dict(sorted(whole.by_key.items())), tuple(whole.unreadable), key_id)


async def rotate_secrets(loaded: Loaded) -> RotatedSecrets:
    """Encrypt every secret of the database with the present key, also those in clear. Raises `SettingsError`, `UnavailableError`.

    Services may run, if all of them have the present key. Interrupted, it goes on where it is called again.
    """
    from wework_message.adapters.sql.repositories.secret_keys import forget_other_keys, renew_secrets  # noqa: PLC0415 - `--help` needs no database
    from wework_message.adapters.system import SystemClock  # noqa: PLC0415 - as above
    from wework_message.bootstrap.command_trail import in_the_trail  # noqa: PLC0415 - as above
    from wework_message.bootstrap.databases import all_secrets, bring_up, open_store, secret_columns  # noqa: PLC0415 - as above
    from wework_message.bootstrap.storage import sql_storage  # noqa: PLC0415 - as above

    settings, clock = loaded.settings, SystemClock()
    cipher = required_cipher(settings.security.secrets)
    own = cipher.key_id or ""
    async with open_store(settings.datasource) as store:
        await bring_up(store, settings.datasource)
        await secret_columns(store, settings.security.secrets, clock)
        renewed = 0
        async with in_the_trail(sql_storage(store, clock, claims=False).units, AuditAction.SECRET_ROTATE, own):
            async for of_rows in all_secrets(store.transact, renew_secrets, cipher, ROWS):
                renewed += of_rows
            retired = await store.transact(forget_other_keys, own)
    return RotatedSecrets(renewed, own, tuple(retired))


def _conforms(commands: SecretCommands) -> SecretsAtRest:
    return commands
