"""Secrets at rest on MariaDB: the longest fit into their columns, and a rotation goes through all rows."""

from sqlalchemy import Connection
from tests.support.builders.media import an_asset
from tests.support.builders.messages import NOW
from tests.support.builders.webhooks import an_endpoint
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.envelope import EnvelopeCipher
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.mapping.secret_columns import SecretColumns
from wework_message.adapters.sql.repositories.secret_keys import (
    SECRET_PARTS,
    count_secrets,
    forget_other_keys,
    missing_keys,
    renew_secrets,
)
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.signatures import MAX_SECRET_BYTES, SigningSecret

FIRST, SECOND = EnvelopeCipher(b"1" * 32), EnvelopeCipher(b"2" * 32, [b"1" * 32])
LONGEST = SigningSecret(b"s" * MAX_SECRET_BYTES)


async def test_the_longest_secrets_are_encrypted_read_and_renewed(migrated: EmptyDatabase) -> None:
    endpoint, asset = an_endpoint(secret=LONGEST, previous=LONGEST, previous_until=NOW), an_asset()
    async with opened_store(migrated.target) as store:
        assert await store.transact(missing_keys, FIRST, NOW) == []
        first = sql_storage(store, SettableClock(NOW), secrets=SecretColumns(FIRST))
        async with first.units() as unit:
            await unit.webhooks.put(endpoint)
            await unit.media.add([asset])
            await unit.commit()
        assert await store.transact(missing_keys, None, NOW) == [FIRST.key_id]
        for part in SECRET_PARTS:
            assert (await store.transact(renew_secrets, SECOND, part, "", 9))[1] is None
            counts, _ = await store.read(count_secrets, SECOND, part, "", 9)
            assert {key for _, key in counts.by_key} == {SECOND.key_id}
        assert await store.transact(forget_other_keys, str(SECOND.key_id)) == [FIRST.key_id]
        second = sql_storage(store, SettableClock(NOW), secrets=SecretColumns(SECOND))
        (stored,) = await second.webhooks.endpoints()
        assert stored.secret is not None
        assert stored.secret.reveal() == LONGEST.reveal()
        assert stored.previous is not None
        assert stored.previous.reveal() == LONGEST.reveal()
        view = await second.media.asset(DEFAULT_TENANT, asset.media_id)
        assert view is not None
        assert view.asset.address_key == asset.address_key
        assert await store.read(_widths) == (257, 257, 128)


def _widths(connection: Connection) -> tuple[int, ...]:
    query = "SELECT LENGTH(secret), LENGTH(previous_secret), LENGTH(address_key) FROM wm_webhook, wm_media"
    (row,) = connection.exec_driver_sql(query).all()
    return tuple(row)
