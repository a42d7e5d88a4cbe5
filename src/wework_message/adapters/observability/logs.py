"""Logs of the process: structlog and the standard library into the same JSON lines, on stdout and in a file.

Nothing happens at import; `configure` starts it and the handle ends it.
"""

import atexit
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import structlog
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.types import FilteringBoundLogger, WrappedLogger

from wework_message.adapters.observability.json_lines import Renderer, Stamp
from wework_message.adapters.observability.line_writer import FileTarget, LineWriter, StreamTarget, Target
from wework_message.adapters.observability.redaction import Pseudonyms, Redaction

OWN: Final = "wework_message"
OFF: Final = logging.CRITICAL + 1
FLUSH_S: Final = 5.0

_LEAST: Final = {
    "": logging.WARNING,  # httpx logs whole URLs at INFO, drivers log values of rows at DEBUG (R-L1)
    OWN: logging.DEBUG,
    "alembic": logging.INFO,
    "uvicorn": logging.INFO,
    "uvicorn.access": OFF,  # it logs paths, and with them the tokens of callback URLs
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncmy": OFF,  # it logs the server's warnings, which quote values of rows
}
"""Logger -> the lowest level it may have, whatever the setting asks for."""

_FORMAT_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_QUOTED_ERROR: Final = re.compile(r"\bexception=.*", re.DOTALL)  # asyncio shows the repr of a task's exception


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What `configure` needs to know."""

    version: str
    level: str = "INFO"
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    file: str | None = "logs/message-service.log"
    """Path, relative to the working directory; None = no file (D-56)."""
    service: str = "wework-message"
    pseudonym_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Key of the hashes that stand for people; by default one of this process, so that lines of two do not compare."""


@dataclass(frozen=True, slots=True)
class LogHandle:
    """The running logs."""

    facts: FilteringBoundLogger
    """For lines whose fields are closed and fit to print: nothing is checked, and it costs a few microseconds."""
    pseudonyms: Pseudonyms
    writer: LineWriter
    restore: Callable[[], None]

    def close(self) -> None:
        """Write what waits (at most 5 s), close the file, and put logging back as it was. May be called twice."""
        atexit.unregister(self.close)
        self.restore()
        self.writer.close(FLUSH_S)


class _Emit:
    """What structlog calls last; the line is complete."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self.debug = self.info = self.warning = self.warn = self.error = self.critical = self.exception = put
        self.msg = self.log = self.fatal = self.failure = self.err = put


class LineHandler(logging.Handler):
    """Records of the standard library, as lines."""

    def __init__(self, put: Callable[[bytes], None], renderer: Renderer, redaction: Redaction) -> None:
        """`put` takes a line."""
        super().__init__()
        self._put = put
        self._renderer = renderer
        self._redaction = redaction

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a record that cannot be formatted is reported as such."""
        extra = {name: value for name, value in vars(record).items() if name not in _FORMAT_FIELDS}
        fields = self._redaction.fields({**get_contextvars(), **extra, "exc_info": record.exc_info})
        fields["logger"] = record.name
        event = self._redaction.fields({"event": _text(record)})["event"]
        self._put(self._renderer.line(record.levelname, event, fields))


def _text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 -- arguments of any type, formatted by a caller's mistake; logging must not raise
        return f"unformattable record of {record.pathname.rpartition('/')[2]}:{record.lineno}"
    if record.name.partition(".")[0] == OWN:
        return text
    return _QUOTED_ERROR.sub("exception=***", (text.strip().splitlines() or [""])[0])


def configure(
    settings: LogSettings, *, stdout: BinaryIO | None = None, now: Callable[[], float] = time.time
) -> LogHandle:
    """Start logging for this process. `stdout` defaults to the process's own; uvicorn must get ``log_config=None``."""
    renderer = Renderer(settings.service, settings.version, Stamp(now))
    pseudonyms = Pseudonyms(settings.pseudonym_key)
    redaction = Redaction(pseudonyms)
    targets: list[Target] = [StreamTarget(stdout if stdout is not None else sys.stdout.buffer)]
    writer = LineWriter(targets, lambda lost: renderer.line("WARNING", "log.lines_lost", {"lines": lost}))
    level = logging.getLevelNamesMapping()[settings.level]
    if settings.file is not None:
        targets.insert(0, _log_file(settings.file, writer, renderer))
    restore = _route(LineHandler(writer.put, renderer, redaction), level)
    before = structlog.get_config() if structlog.is_configured() else None
    emit = _Emit(writer.put)
    narrow = structlog.make_filtering_bound_logger(level)

    def make_fit(_logger: WrappedLogger, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return redaction.fields(fields)

    def mark_error(_logger: WrappedLogger, method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if method == "exception":
            fields.setdefault("exc_info", True)
        return fields

    structlog.configure(
        processors=[merge_contextvars, mark_error, make_fit, renderer],
        wrapper_class=narrow,
        logger_factory=lambda *_: emit,
        cache_logger_on_first_use=False,
    )
    facts = structlog.wrap_logger(emit, processors=[renderer], wrapper_class=narrow, context_class=dict).bind()

    def put_back() -> None:
        restore()
        if before is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**before)

    handle = LogHandle(cast("FilteringBoundLogger", facts), pseudonyms, writer, put_back)
    atexit.register(handle.close)
    writer.start()
    return handle


def _log_file(name: str, writer: LineWriter, renderer: Renderer) -> FileTarget:
    def complain(error: OSError) -> None:
        fields = {"text": f"no log file: {error.strerror or type(error).__name__}", "path": name}
        writer.put(renderer.line("WARNING", "log.file_unavailable", fields))

    target = FileTarget(Path(name), complain)
    target.open()
    return target


def _route(handler: logging.Handler, level: int) -> Callable[[], None]:
    """Everything the standard library logs goes to `handler`; the answer undoes it."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in _LEAST}
    root.handlers[:] = [handler]
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(capture=True)

    def undo() -> None:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        for name, former in levels.items():
            logging.getLogger(name).setLevel(former)

    return undo
