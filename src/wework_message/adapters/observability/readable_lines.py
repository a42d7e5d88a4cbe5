"""Lines of the log as people read them in a terminal.

They are made from the JSON lines, in the thread that writes: what is redacted there is redacted here, and the event loop pays nothing.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from wework_message.adapters.observability.line_writer import Target

LogFormat: TypeAlias = Literal["auto", "json", "text"]
"""``auto`` is text in a terminal, JSON everywhere else."""

TEXT_WIDTH: Final = 42
"""Columns of the text: "sendMessage SENT -> DELIVERED by callback" fits."""

_SHOWN_APART: Final = frozenset({"ts", "level", "event", "text", "messageId", "ms", "worker", "logger", "trace"})
_CONSTANT: Final = frozenset({"service", "version"})
_USUAL: Final = frozenset(
    {("tenantId", "default"), ("attempt", "1"), ("class", "ACCEPTED"), ("mode", "ASYNC"), ("count", "1")}
)
"""Values that tell nobody anything."""
_IN_THE_TEXT: Final = frozenset({"before", "after", "type", "result"})
"""Fields that the text may have already."""
_LEVELS: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_COLOURS: Final = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_DIM: Final = "2"
_ID: Final = "36"
_BARE: Final = re.compile(r'[^\s"=]+')
_OWN: Final = "wework_message."

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class ReadableLines:
    """Time (of this machine's zone), level, text, message id, and the fields that tell something; never more than a line of JSON has."""

    def __init__(self, *, colours: bool, encoding: str = "utf-8") -> None:
        """`colours` = with escape sequences of ours; those in values are always shown as text. What `encoding` lacks becomes an escape."""
        self._colours = colours
        self._encoding = encoding
        self._second = ""
        self._local = ""

    def __call__(self, batch: bytes) -> bytes:
        """The same lines for people. Never raises: what is no line of JSON is shown as it is, without controls."""
        return b"".join(self._line(line) for line in batch.split(b"\n") if line)

    def _line(self, line: bytes) -> bytes:
        try:
            fields = _decode(line)
            shown = "\n".join(self._rows(fields))
        except (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError):
            shown = visible(line.decode("utf-8", "backslashreplace"))
        return shown.encode(self._encoding, "backslashreplace") + b"\n"

    def _rows(self, fields: Mapping[str, Any]) -> Iterator[str]:
        level, text = str(fields.get("level", "")), visible(str(fields.get("text", fields.get("event", ""))))
        tail = [*self._tail(fields, text)]
        worker = f"[{visible(str(fields['worker']))}] " if "worker" in fields else ""
        head = [
            self._painted(self._time(str(fields.get("ts", ""))), _DIM),
            self._painted(f"{visible(_LEVELS.get(level, level)):5}", _COLOURS.get(level, "")),
            worker + (text.ljust(TEXT_WIDTH) if tail else text),
        ]
        yield " ".join([*head, *tail])
        trace = fields.get("trace")
        for frame in trace if isinstance(trace, list) else ():
            yield f"    {self._painted('at', _DIM)} {visible(str(frame))}"

    def _tail(self, fields: Mapping[str, Any], text: str) -> Iterator[str]:
        if (message_id := fields.get("messageId")) is not None:
            yield self._painted(_value(message_id), _ID)
        if (ms := fields.get("ms")) is not None:
            yield f"{_value(ms)}ms"
        words = text.split()
        reason = fields.get("reason")
        for name, value in fields.items():
            shown = str(value)
            if name in _SHOWN_APART or name in _CONSTANT or (name, shown) in _USUAL or not shown:
                continue
            if name == "requestId" and message_id is not None:  # a long one, which tells nobody more than the message's
                continue
            if (name in _IN_THE_TEXT and shown in words) or (name in ("cause", "class") and value == reason):
                continue
            yield f"{self._painted(visible(name) + '=', _DIM)}{_value(value)}"
        if (logger := fields.get("logger")) is not None:
            yield self._painted(f"({visible(_short(str(logger)))})", _DIM)

    def _time(self, stamp: str) -> str:
        """``11-30 18:32:05.123`` of ``2026-11-30T10:32:05.123Z``; a second is converted once."""
        second = stamp[:19]
        if second != self._second:
            moment = datetime.fromisoformat(f"{second}+00:00").astimezone()
            self._second, self._local = second, f"{moment:%m-%d %H:%M:%S}"
        return self._local + visible(stamp[19:23])

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours and colour else text


class ReadableTarget:
    """Hands lines for people to `target`."""

    def __init__(self, target: Target, lines: ReadableLines) -> None:
        """`lines` makes them of JSON."""
        self._target = target
        self._lines = lines

    def write(self, batch: bytes) -> None:
        """The same lines for people."""
        self._target.write(self._lines(batch))

    def close(self) -> None:
        """Close the target."""
        self._target.close()


def readable(form: LogFormat, descriptor: int | None) -> ReadableLines | None:
    """What makes lines for people of those for `descriptor` (None = no file of this process); None where they stay JSON."""
    is_terminal = _is_terminal(descriptor)
    if form == "json" or (form == "auto" and not is_terminal):
        return None
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return ReadableLines(colours=wants_colours(os.environ, is_terminal=is_terminal), encoding=encoding)


def wants_colours(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """``NO_COLOR`` before ``FORCE_COLOR`` before a terminal that is not ``dumb``: as Python's own tools decide it."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (is_terminal and environ.get("TERM") != "dumb")


def visible(text: str) -> str:
    r"""`text` on one line: what ends lines, moves the cursor or reverses the text is shown as its escape, such as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    text = visible(str(value))
    return text if _BARE.fullmatch(text) else msgspec.json.encode(text).decode()


def _short(logger: str) -> str:
    return logger.rpartition(".")[2] if logger.startswith(_OWN) else logger


def _is_terminal(descriptor: int | None) -> bool:
    try:
        return descriptor is not None and os.isatty(descriptor)
    except OSError:
        return False
