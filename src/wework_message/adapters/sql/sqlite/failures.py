"""SQLite's errors as errors of the domain, with the cause in words an operator can do something about."""

from types import MappingProxyType
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from wework_message.adapters.sql.core import execution
from wework_message.domain.errors import ConflictError, UnavailableError

CAUSES: Final = MappingProxyType(
    {
        "SQLITE_FULL": "the disk is full",
        "SQLITE_READONLY": "the file or its file system is read-only",
        "SQLITE_IOERR": "the disk reports an error",
        "SQLITE_CANTOPEN": "the file cannot be opened",
        "SQLITE_BUSY": "another process is in the middle of a transaction",
        "SQLITE_CORRUPT": "the file is damaged",
        "SQLITE_NOTADB": "the file is no database",
        "SQLITE_PERM": "the file may not be opened",
        "SQLITE_LOCKED": "another process has locked the file",
        "SQLITE_NOMEM": "this machine has no memory left",
        "SQLITE_TOOBIG": "a row is larger than SQLite takes",
        "SQLITE_PROTOCOL": "the locks of the file do not work; is it on a network's file system?",
        "SQLITE_NOLFS": "the file system takes no file of this size",
    }
)
"""By the beginning of SQLite's name for the error."""


def translated(error: SQLAlchemyError) -> ConflictError | UnavailableError:
    """As `execution.translated`, with the cause."""
    name = getattr(error.orig, "sqlite_errorname", None) if isinstance(error, DBAPIError) else None
    for beginning, cause in CAUSES.items():
        if name is not None and name.startswith(beginning):
            return UnavailableError("database", f"{cause} ({name})")
    refused = execution.translated(error)
    if name is None or isinstance(refused, ConflictError):
        return refused
    return UnavailableError("database", f"{refused.cause} ({name})")
