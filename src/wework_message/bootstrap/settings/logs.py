"""Settings of the logs."""

import re
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from wework_message.adapters.observability.old_logs import Rotation
from wework_message.bootstrap.settings.places import FilePath
from wework_message.bootstrap.settings.section import Section

_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_DataSize: TypeAlias = Annotated[
    str, Meta(pattern=r"^\d{1,12} ?([KMGTkmgt]?[Bb])?$", extra={"allowed": "a size such as 10MB, or 0"})
]
"""As Spring's: bytes, or 1024 of the unit before for each unit."""
_FileSize: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^(?=\d{1,12}\D*$)(0+ ?([KMGTkmgt]?[Bb])?|0*[1-9]\d{5,} ?[Bb]?|0*[1-9]\d{2,} ?[Kk][Bb]|0*[1-9]\d* ?[MGTmgt][Bb])$",
        extra={"allowed": "a size such as 10MB, of at least 100KB, or 0"},
    ),
]
"""The same for a file: one of 10 bytes, which is no more than a slip, would be a file for each batch of lines."""


class LogFileSettings(Section, frozen=True):
    """The log file, in addition to stdout."""

    name: FilePath | None = "logs/message-service.log"
    """Path, relative to the working directory; null = off (D-56)."""
    max_size: _FileSize = "10MB"
    """Size at which a new file is begun, as is once a day; 0 = somebody else rotates it."""
    max_history: Annotated[int, Meta(ge=0, le=36_500)] = 7
    """Days of which files are kept in addition to today; 0 = however old."""
    total_size_cap: _DataSize = "1GB"
    """What the kept files may take together; 0 = any."""


class LoggingSettings(Section, frozen=True):
    """Structured logs on stdout and in a file."""

    file: LogFileSettings = LogFileSettings()
    format: Literal["auto", "json", "text"] = "auto"
    """Of the lines on stdout; auto = text in a terminal, JSON elsewhere."""
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """The lowest level that is written; WARN, TRACE and FATAL of Java are understood."""


def rotation_of(file: LogFileSettings) -> Rotation | None:
    """None where the file is not rotated by this service."""
    max_bytes = _bytes(file.max_size)
    if max_bytes == 0:
        return None
    return Rotation(max_bytes, file.max_history, _bytes(file.total_size_cap))


def _bytes(size: str) -> int:
    number, unit = re.sub(r"\D", "", size), re.sub(r"[\d ]", "", size).upper() or "B"
    return int(number) << 10 * _UNITS.index(unit)
