"""Errors of SQLAlchemy and the driver as errors of the domain."""

from typing import Final

from asyncmy import errors as driver
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from wework_message.adapters.sql.mysql.failures import (
    LOST,
    REFUSED,
    RETRYABLE,
    TLS_REFUSED,
    UNREACHABLE,
    UNREACHED,
    WRONG_SERVER,
    number_of,
)
from wework_message.domain.errors import ConflictError, TryAgainError, UnavailableError

COMMIT_ANSWER_LOST: Final = "the answer to COMMIT was lost"
_REFUSED_WRITE: Final = (IntegrityError, DataError, driver.IntegrityError, driver.DataError)
_BROKEN: Final = (driver.InterfaceError, driver.InternalError)
"""The driver's connection is closed, or what it reads is no answer to what it asked."""


def translated(
    error: SQLAlchemyError | driver.MySQLError, *, committing: bool = False
) -> ConflictError | UnavailableError:
    """The domain's error for what became of the transaction, by SQLAlchemy's or the driver's. Texts carry no values."""
    if isinstance(error, _REFUSED_WRITE):
        return ConflictError("a guard of the store refused the write")
    number = number_of(error)
    if number in WRONG_SERVER:
        return TryAgainError("database", f"{WRONG_SERVER[number]} ({number})", lost_connection=True)
    cause = _cause(error, number)
    if number in RETRYABLE:
        return TryAgainError("database", cause)
    broken = error.connection_invalidated if isinstance(error, DBAPIError) else isinstance(error, _BROKEN)
    if number not in UNREACHABLE and (number in LOST or broken):
        return lost(cause, committing=committing)
    if number in (TLS_REFUSED, UNREACHED):
        return UnavailableError("database", f"TLS: {_text(error)}" if number == TLS_REFUSED else _text(error))
    return UnavailableError("database", f"{REFUSED[number]} ({number})" if number in REFUSED else cause)


def _text(error: SQLAlchemyError | driver.MySQLError) -> str:
    """Of an error that the connector has made."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(original.args[1]) if original is not None else ""


def _cause(error: SQLAlchemyError | driver.MySQLError, number: int) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    numbered = isinstance(error, (DBAPIError, driver.MySQLError))
    return f"{type(original).__name__} {number}" if numbered else type(error).__name__


def lost(cause: str, *, committing: bool) -> UnavailableError:
    """The connection is lost; that of a COMMIT leaves open whether it happened, and must not be repeated."""
    if committing:
        return UnavailableError("database", f"{COMMIT_ANSWER_LOST} ({cause})")
    return TryAgainError("database", cause, lost_connection=True)
