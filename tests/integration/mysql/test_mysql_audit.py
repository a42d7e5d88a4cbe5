"""The audit trail on MariaDB: the service's user adds and deletes, and can change nothing, by the rights that the page gives."""

import pytest
from sqlalchemy import Connection
from tests.support.builders.audit import an_entry
from tests.support.builders.messages import NOW
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.repositories.audit import prune_audit
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.audit import AuditFilter
from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.ids import DEFAULT_TENANT


async def test_the_user_of_the_service_adds_entries_and_deletes_old_ones_and_rewrites_none(
    migrated: EmptyDatabase,
) -> None:
    def rewrite(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE wm_audit SET actor_id = 'nobody'").close()

    async with opened_store(migrated.target) as store:
        storage = sql_storage(store, SettableClock(NOW))
        async with storage.units() as unit:
            await unit.audit.append([an_entry(at=NOW), an_entry(at=NOW + 1)])
            await unit.commit()
        with pytest.raises(WeworkMessageError):
            await store.transact(rewrite)
        pruned = await store.transact(lambda connection: prune_audit(connection, before=NOW + 1, limit=9, after=""))
        left = await storage.audit.audit_entries(DEFAULT_TENANT, AuditFilter(), limit=9, before=None)
        assert (pruned.deleted, [entry.at for entry in left]) == (1, [NOW + 1])
