"""The audit trail of commands that change the database without the service (ADR 70)."""

import logging
import os
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from wework_message.adapters.system import SystemClock, UuidGenerator
from wework_message.domain.access.principal import COMMAND_LINE_PRINCIPAL, Principal
from wework_message.domain.audit import AuditAction, AuditEntry, AuditOutcome, started
from wework_message.domain.errors import UnavailableError, WeworkMessageError
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.entrypoints.cli.services import TrailNotes

_log: Final = logging.getLogger(__name__)


@asynccontextmanager
async def in_the_trail(
    units: UnitOfWorkFactory, action: AuditAction, target: str | None = None, /
) -> AsyncIterator[TrailNotes]:
    """Do something that the operator's trail has: its beginning is durable before, and its end is written whatever it is.

    Raises `UnavailableError` where the beginning cannot be written, and what is raised within. An end that cannot be written
    is no error: what was done is done, and whoever made a key must see it, which is kept nowhere.
    """
    entry = started(UuidGenerator().audit_id(), action, command_line(), SystemClock().now(), target=target)
    notes = TrailNotes()
    await _append(units, entry)
    outcome = AuditOutcome.FAILED
    try:
        yield notes
        outcome = AuditOutcome.DONE
    except UnavailableError:
        raise
    except WeworkMessageError:
        outcome = AuditOutcome.REFUSED
        raise
    finally:
        await _end(units, entry.ended(outcome, SystemClock().now(), target=notes.target))


async def note_done(units: UnitOfWorkFactory, action: AuditAction) -> None:
    """Add to the trail what could not be begun in it: there was no table."""
    now = SystemClock().now()
    entry = started(UuidGenerator().audit_id(), action, command_line(), now)
    await _append(units, replace(entry, outcome=AuditOutcome.DONE))


def command_line() -> Principal:
    """Whoever runs the command, by the user of the process."""
    return replace(COMMAND_LINE_PRINCIPAL, id=_user())


def _user() -> str:
    user_id = os.getuid()
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:  # a container need not know it
        return str(user_id)


async def _end(units: UnitOfWorkFactory, entry: AuditEntry) -> None:
    try:
        await _append(units, entry)
    except Exception:  # noqa: BLE001 -- see `in_the_trail`
        _log.exception("the audit trail does not say how %s of %s ended", entry.action, entry.id)


async def _append(units: UnitOfWorkFactory, entry: AuditEntry) -> None:
    async with units() as unit:
        await unit.audit.append([entry])
        await unit.commit()
