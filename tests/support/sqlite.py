"""SQLite files that have the schema: copies of one file, because the migrations take longer than most tests."""

from pathlib import Path
from typing import Final

from wework_message.adapters.private_files import make_file, make_folder
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.sqlite.store import SqliteStore

_MIGRATED: Final[list[bytes]] = []
"""The file after the migrations, once a test of this process has needed it."""


async def migrated_store(path: Path, **options: float) -> SqliteStore:
    """A store on a new file that has the schema. `options` go to the store."""
    if _MIGRATED:
        _copy_to(path)
    else:
        store = SqliteStore(path)
        await migrate(store)
        await store.close()  # folds the write-ahead log into the file
        _keep(path)
    return SqliteStore(path, **options)


def _keep(path: Path) -> None:
    _MIGRATED.append(path.read_bytes())


def _copy_to(path: Path) -> None:
    make_folder(path.parent)
    make_file(path)
    path.write_bytes(_MIGRATED[0])
