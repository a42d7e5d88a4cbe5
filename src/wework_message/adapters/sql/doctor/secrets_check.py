"""Whether the secrets of the database are encrypted."""

from collections.abc import Sequence

from sqlalchemy import Connection

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.repositories.secret_keys import any_in_clear, known_keys
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.ports.secrets import SecretCipher

_ADVICE = "see docs/security.md, Secrets at rest"


def secrets_check(run: Run, cipher: SecretCipher | None, *, keys_mode: bool) -> Check:
    """``database.secrets``: nobody who copies the database can use its secrets. With `keys_mode` there is a warning even before the first one."""

    async def ask() -> Finding:
        known = await run(_known)
        if known is None:
            return Finding.skipped("the tables are not those of this version yet")
        missing = sorted(set(known) - (cipher.key_ids if cipher is not None else frozenset()))
        if missing:
            return Finding.failed(
                f"secrets are encrypted with {', '.join(missing)}, which is no key of the settings", _ADVICE
            )
        if await run(any_in_clear):
            return Finding.warning("secrets of webhooks or media are stored in clear", _ADVICE)
        if keys_mode and (cipher is None or cipher.key_id is None):
            return Finding.warning("security.secrets.key is not set: secrets will be stored in clear", _ADVICE)
        return Finding.ok("no secret is stored in clear")

    return Check("database.secrets", ask, after="database.schema")


def _known(connection: Connection) -> Sequence[str] | None:
    return known_keys(connection) if schema_state(connection) is SchemaState.CURRENT else None
