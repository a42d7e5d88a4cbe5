"""What ends a command that works with the settings: which place it is about, and why, without a secret."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wework_message.bootstrap.settings import Loaded, SettingsError, database_kind, database_source
from wework_message.bootstrap.settings.errors import StartRefusedError
from wework_message.domain.errors import UnavailableError
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

DATABASE: Final = "database"
"""`UnavailableError.dependency` of a database."""

_OF_PATHS: Final = frozenset(
    {
        errno.EACCES, errno.EDQUOT, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR,
        errno.EPERM, errno.EROFS,
    }
)  # fmt: skip
"""Errors of the operating system about a path, which a setting has named."""


@contextmanager
def as_failure(loaded: Loaded | None = None) -> Iterator[None]:
    """Make a `CommandFailedError` of what an operator can mend; `loaded` says where the database is, once the settings are read.

    Everything else is a bug, and passes.
    """
    try:
        yield
    except SettingsError as error:
        raise CommandFailedError(ExitCode.CONFIGURATION, str(error), document=_document(error)) from None
    except UnavailableError as error:
        if loaded is None or error.dependency != DATABASE:
            raise
        raise CommandFailedError(ExitCode.TRY_AGAIN, *_database(loaded, error)) from None
    except OSError as error:
        if error.errno not in _OF_PATHS or error.filename is None:
            raise
        text = f"cannot start: {os.fsdecode(error.filename)}: {error.strerror}"
        raise CommandFailedError(ExitCode.CONFIGURATION, text) from None


def _document(error: SettingsError) -> dict[str, object]:
    """For a program, in the form of ``config check``."""
    problems, ignored = (error.problems, error.ignored) if isinstance(error, StartRefusedError) else ((error,), ())
    return {"problems": [str(problem) for problem in problems], "ignored": [key.document for key in ignored]}


def _database(loaded: Loaded, error: UnavailableError) -> tuple[str, ...]:
    """The error with its place and, where this machine is the cause, what is wrong with it."""
    datasource = loaded.settings.datasource
    kind = database_kind(datasource)
    if kind is None:
        return (str(error),)
    source = database_source(datasource)
    text = f"database: {kind.shown(source)}: {error.cause}"
    return (text,) if (obstacle := kind.obstacle(source)) is None else (text, obstacle)
