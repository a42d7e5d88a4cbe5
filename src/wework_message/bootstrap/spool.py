"""The spool of the process, from the settings, and what the doctor says about its folder."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from wework_message.adapters.private_files import no_folder
from wework_message.adapters.spool.files import DAMAGED_SUFFIX, SUFFIX, FileAnswerSpool
from wework_message.adapters.spool.records import ReadRecords, read_records
from wework_message.bootstrap.settings.sending import SpoolSettings
from wework_message.domain.ports.checks import Check, Fault, Finding

_SETTING: Final = "app.spool.directory"


@asynccontextmanager
async def open_spool(settings: SpoolSettings) -> AsyncIterator[FileAnswerSpool]:
    """Nothing is made before the first answer that the database does not take."""
    spool = FileAnswerSpool(Path(settings.directory))
    try:
        yield spool
    finally:
        await spool.close()


def spooled_answers(settings: SpoolSettings) -> ReadRecords:
    """What is in the folder now, of living processes too; raises `OSError` where it cannot be read."""
    records = ReadRecords()
    folder = Path(settings.directory)
    if not folder.exists():
        return records
    for path in folder.iterdir():
        if path.suffix in (SUFFIX, DAMAGED_SUFFIX):
            of_file = read_records(path.read_bytes())
            records.answers += of_file.answers if path.suffix == SUFFIX else ()
            records.unreadable += of_file.unreadable
    return records


def spool_check(settings: SpoolSettings) -> Check:
    """``spool.answers``: nothing waits, nothing is damaged, and the folder can be written or made."""

    async def ask() -> Finding:
        return await asyncio.to_thread(_finding, settings)

    return Check("spool.answers", ask, fault=Fault.BROKEN)


def _finding(settings: SpoolSettings) -> Finding:
    if (reason := no_folder(Path(settings.directory))) is not None:
        return Finding.warning(
            f"answers that the database does not take cannot be kept: {reason}",
            f"let the user of the service write to {_SETTING}",
        )
    try:
        records = spooled_answers(settings)
    except OSError as error:
        return Finding.warning(f"the spool cannot be read: {os.strerror(error.errno or 0)}", f"see {_SETTING}")
    waiting = f"{len(records.answers)} answers wait to be recorded"
    if records.unreadable:
        return Finding.warning(
            f"{waiting}, {records.unreadable} are damaged",
            f"look for UNKNOWN messages, then delete the files that end in {DAMAGED_SUFFIX} in {_SETTING}",
        )
    if records.answers:
        return Finding.warning(waiting, "they are recorded while the service runs and its database answers")
    return Finding.ok("no answer waits")
