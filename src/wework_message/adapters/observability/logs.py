"""Logs of the process: JSON lines to stdout and a file, of our own facts and of the standard library's logging.

The import has no effect; `configure` starts logging and the handle ends it.
"""

import atexit
import io
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from wework_message.adapters.observability.json_lines import Renderer, Stamp, trace_field
from wework_message.adapters.observability.line_writer import LineWriter, RawStream, StreamTarget, Target
from wework_message.adapters.observability.log_file import FileTarget
from wework_message.adapters.observability.old_logs import OldLogs, Rotation
from wework_message.adapters.observability.readable_lines import LogFormat, ReadableTarget, readable
from wework_message.adapters.observability.redaction import Pseudonyms, Redaction
from wework_message.adapters.observability.turns import TurnTarget
from wework_message.application.tracing import CURRENT

OWN: Final = "wework_message"
OFF: Final = logging.CRITICAL + 1
CLOSE_TIMEOUT_S: Final = 5.0
FLUSH_S: Final = 1.0

_MIN_LEVELS: Final = {
    "": logging.WARNING,  # httpx logs whole URLs at INFO, drivers log values of rows at DEBUG (R-L1)
    OWN: logging.DEBUG,
    "alembic": logging.WARNING,
    "uvicorn": logging.INFO,
    "uvicorn.access": OFF,  # it logs paths, which contain the tokens of callback URLs
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "urllib3": logging.ERROR,  # the client of the object store warns of heads with their URL, and of each reader beyond ten
    "asyncmy": OFF,  # it logs the server's warnings, which quote values of rows
}
"""The lowest level of a logger, whatever the setting is."""

_DETAILS: Final = frozenset({"alembic"})
"""What these say at INFO is written where the setting is DEBUG: each step of a migration, of which our own line says that it begins."""

_FORMAT_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_QUOTED_ERROR: Final = re.compile(r"\bexception=.*", re.DOTALL)  # asyncio shows the repr of a task's exception


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The settings of `configure`."""

    version: str
    level: str = "INFO"
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    file: str | None = "logs/message-service.log"
    """Path, relative to the working directory; None = no file (D-56)."""
    form: LogFormat = "auto"
    """Of the lines on stdout; those of the file are JSON."""
    rotation: Rotation | None = None
    """When the file is full; None = others rotate it, if anybody does."""
    service: str = "wework-message"
    pseudonym_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Key of the hashes of people's ids. The default is random: hashes of two processes then differ."""
    worker: int | None = None
    """The number in every line where several processes write to one stream; None = this process is alone."""
    turn: int | None = None
    """A file whose lock gives the turn to write to that stream; None = nobody else writes there."""


class Facts:
    """Writes lines with fixed fields that need no redaction: nothing is checked, and a line costs a few microseconds."""

    __slots__ = ("_put", "_renderer", "level")

    def __init__(self, put: Callable[[bytes], None], renderer: Renderer, level: int) -> None:
        """Lines below `level` are not written."""
        self._put = put
        self._renderer = renderer
        self.level = level

    def debug(self, event: str, **fields: Any) -> None:
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._write(logging.ERROR, event, fields)

    def _write(self, level: int, event: str, fields: Mapping[str, Any]) -> None:
        if level >= self.level:
            self._put(self._renderer.line(logging.getLevelName(level), event, {**fields, **_trace()}))


class WriteLines(Protocol):
    """Writes lines that differ in their time and these fields only."""

    def __call__(self, *many: Mapping[str, Any]) -> None:
        """A line for each, of at least one field each."""
        ...


@dataclass(frozen=True, slots=True)
class LogHandle:
    """The running logging."""

    facts: Facts
    renderer: Renderer
    level: int
    """At the start."""
    pseudonyms: Pseudonyms
    writer: LineWriter
    restore: Callable[[], None]

    def template(self, level: str, event: str, text: str) -> WriteLines:
        """As `facts`, for lines that every message writes: `level` (upper case), event and text are given once."""
        facts, number = self.facts, logging.getLevelNamesMapping()[level]
        put, lines = self.writer.put_all, self.renderer.template(level, event, text).lines

        def write(*many: Mapping[str, Any]) -> None:
            if number >= facts.level:
                put(lines(many))

        return write

    def take_level(self, name: str) -> None:
        """Lines below this level (upper case) are not written from now on."""
        self.facts.level = logging.getLevelNamesMapping()[name]
        _set_levels(self.facts.level)

    def close(self) -> None:
        """Write the queued lines (for at most 5 s), close the file, and restore the former logging. May be called twice."""
        atexit.unregister(self.close)
        self.restore()
        self.writer.close(CLOSE_TIMEOUT_S)


class LineHandler(logging.Handler):
    """Writes records of the standard library as lines."""

    def __init__(self, writer: LineWriter, renderer: Renderer, redaction: Redaction) -> None:
        """`writer` gets the lines."""
        super().__init__()
        self._writer = writer
        self._put = writer.put
        self._renderer = renderer
        self._redaction = redaction

    def flush(self) -> None:
        """Wait until the lines so far are written, for at most `FLUSH_S`."""
        self._writer.flush(FLUSH_S)

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a record that cannot be formatted gives a line that says so."""
        extra = {name: value for name, value in vars(record).items() if name not in _FORMAT_FIELDS}
        fields = self._redaction.fields({**extra, "exc_info": record.exc_info})
        fields["logger"] = record.name
        event = self._redaction.fields({"event": _text(record)})["event"]
        self._put(self._renderer.line(record.levelname, event, {**fields, **_trace()}))


def _trace() -> Mapping[str, str]:
    """The trace in which the present task works, if it is recorded."""
    return trace_field(CURRENT.get())


def _text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 -- a caller may pass wrong arguments, of any type; logging must not raise
        return f"unformattable record of {record.pathname.rpartition('/')[2]}:{record.lineno}"
    if record.name.partition(".")[0] == OWN:
        return text
    return _QUOTED_ERROR.sub("exception=***", (text.strip().splitlines() or [""])[0])


def configure(
    settings: LogSettings, *, stdout: RawStream | None = None, now: Callable[[], float] = time.time
) -> LogHandle:
    """Start logging for this process. `stdout` defaults to that of the process; uvicorn must get ``log_config=None``."""
    renderer = Renderer(settings.service, settings.version, Stamp(now), settings.worker)
    pseudonyms = Pseudonyms(settings.pseudonym_key)
    redaction = Redaction(pseudonyms)
    stream = stdout if stdout is not None else _raw_stdout()
    target: Target = StreamTarget(stream)
    if settings.turn is not None:
        target = TurnTarget(target, settings.turn)
    if (for_people := readable(settings.form, _descriptor(stream))) is not None:
        target = ReadableTarget(target, for_people)
    writer = LineWriter([target], lambda lost: renderer.line("WARNING", "log.lines_lost", {"lines": lost}))
    level = logging.getLevelNamesMapping()[settings.level]
    if settings.file is not None:
        writer.add(_log_file(settings.file, settings.rotation, writer, renderer))
    restore = _route(LineHandler(writer, renderer, redaction), level)
    handle = LogHandle(Facts(writer.put, renderer, level), renderer, level, pseudonyms, writer, restore)
    atexit.register(handle.close)
    writer.start()
    return handle


def _raw_stdout() -> RawStream:
    """Standard output without a buffer: a thread that blocks in it must not hold a lock that the exit of Python needs."""
    try:
        return io.FileIO(sys.stdout.fileno(), "wb", closefd=False)
    except (AttributeError, OSError, ValueError):  # a stream of tests, or none at all
        return io.BytesIO() if sys.stdout is None else sys.stdout.buffer


def _descriptor(stream: RawStream) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):  # a stream of tests
        return None


def _log_file(name: str, rotation: Rotation | None, writer: LineWriter, renderer: Renderer) -> FileTarget:
    def on_error(text: str, event: str, error: OSError) -> None:
        fields = {"text": f"{text}: {error.strerror or type(error).__name__}", "path": name}
        writer.put(renderer.line("WARNING", event, fields))

    path = Path(name)
    target = FileTarget(
        path,
        partial(on_error, "no log file", "log.file_unavailable"),
        old_logs=None if rotation is None else OldLogs(path, rotation),
        on_full=partial(on_error, "the log file grows, it cannot be renamed", "log.not_rotated"),
    )
    target.open()
    return target


def _set_levels(level: int) -> None:
    for name, min_level in _MIN_LEVELS.items():
        in_detail = level <= logging.DEBUG and name in _DETAILS
        logging.getLogger(name).setLevel(logging.INFO if in_detail else max(level, min_level))


def _route(handler: logging.Handler, level: int) -> Callable[[], None]:
    """Send all records of the standard library to `handler`; the returned function restores the former state."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in _MIN_LEVELS}
    root.handlers[:] = [handler]
    _set_levels(level)
    logging.captureWarnings(capture=True)

    def undo() -> None:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        for name, former in levels.items():
            logging.getLogger(name).setLevel(former)

    return undo
