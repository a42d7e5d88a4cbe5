"""``recover``: the one use case that runs on a store which no process serves."""

from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.system import SystemClock
from wework_message.application.maintenance.recover import Recover, Recovered, RecoverHandler
from wework_message.bootstrap.databases import bring_up, open_store
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.settings import Loaded


async def recover(loaded: Loaded, command: Recover) -> Recovered:
    """Bring the schema up as a start does, then doubt what is open. Raises `SettingsError`, `UnavailableError`."""
    clock = SystemClock()
    async with open_store(loaded.settings.datasource) as store:
        await bring_up(store, loaded.settings.datasource)
        units = SqlUnitOfWorkFactory(store, store.dialect, clock, store.turn)
        handler = RecoverHandler(units, SqlMessageReader(store.read), policy_of(loaded), clock)
        return await handler(command)
