"""Log records as lines of JSON: any value gives one line, without control characters."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from wework_message.domain.trace import TraceContext, trace_id_of

# The encoder escapes characters below U+0020. These others are valid JSON, but in some readers they end a line, move the
# cursor or reverse the text: DEL, C1 controls, zero-width and bidirectional controls, separators of lines, BOM, tags.
_UNSAFE: Final = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xf3\xa0[\x80\x81][\x80-\xbf]"
)
_DEL: Final = 0x7F


def _other(value: object) -> str:
    """A string of a subclass stays a string; any other object shows its type only (its repr may contain content)."""
    return str.__str__(value) if isinstance(value, str) else f"<{type(value).__qualname__}>"


_encode: Final = msgspec.json.Encoder(enc_hook=_other).encode


def to_line(fields: Mapping[str, Any]) -> bytes:
    """`fields` as one line with a line feed. Never raises."""
    return _to_object(fields) + b"\n"


def _to_object(fields: Mapping[str, Any]) -> bytes:
    try:
        line = _encode(fields)
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
        line = _encode({_plain(name): _plain(value) for name, value in fields.items()})
    if not line.isascii() or _DEL in line:
        line = _UNSAFE.sub(_escape, line)
    return line


def _plain(value: object) -> str | int | float | bool | None:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()  # lone surrogates
    return value if value is None or isinstance(value, (bool, int, float)) else _other(value)


def _escape(match: re.Match[bytes]) -> bytes:
    units = match[0].decode().encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4)).encode()


def trace_field(trace: TraceContext | None) -> Mapping[str, str]:
    """The field that names the trace of what a line is about; none where it is not recorded."""
    return {} if trace is None else {"traceId": trace_id_of(trace)}


class Stamp:
    """Timestamps such as ``2025-06-01T08:30:00.123Z``; the second is formatted once and reused."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` in seconds since the epoch."""
        self._now = now
        self._second = -1
        self._text = ""

    def __call__(self) -> str:
        """The timestamp of now."""
        now = self._now()
        second = int(now)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._text}.{int((now - second) * 1000):03d}Z"


class Renderer:
    """Makes a line of redacted fields."""

    def __init__(self, service: str, version: str, stamp: Stamp, worker: int | None = None) -> None:
        """`service`, `version` and, where there are several processes, the number of the worker are in every line."""
        self._constants = {"service": service, "version": version} | ({} if worker is None else {"worker": worker})
        self._stamp = stamp

    def line(self, level: str, event: str, fields: Mapping[str, Any]) -> bytes:
        """A line at `level` (upper case)."""
        return to_line(
            {
                "ts": self._stamp(),
                "level": level,
                "event": event,
                **fields,
                **self._constants,
            }
        )

    def template(self, level: str, event: str, text: str) -> "LineTemplate":
        """Lines at `level` that differ in their time and their further fields only."""
        first = {"level": level, "event": event, "text": text}
        return LineTemplate(self._stamp, _members(first), _members(self._constants))


class LineTemplate:
    """Lines that are the same in most fields, which are encoded once: the line of every message takes half as long."""

    __slots__ = ("_first", "_last", "_stamp")

    def __init__(self, stamp: Stamp, first: bytes, last: bytes) -> None:
        """`first` and `last` are members of the object before and behind the fields of a line."""
        self._stamp = stamp
        self._first = first
        self._last = last

    def lines(self, many: Iterable[Mapping[str, Any]]) -> list[bytes]:
        """As `Renderer.line`, a line for each of these, of at least one field each; all have the same time. Never raises."""
        begin, end = b'{"ts":"%b",%b,' % (self._stamp().encode(), self._first), b",%b}\n" % self._last
        return [begin + _members(fields) + end for fields in many]


def _members(fields: Mapping[str, Any]) -> bytes:
    return _to_object(fields)[1:-1]
