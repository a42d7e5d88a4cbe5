"""The items of a file, one after the other: in constant memory, however long the file is."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO, Final

from wework_message.domain.content import CONTENTS, OBJECTS
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.field_values import field_value, value_in
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected
from wework_message.entrypoints.wire.requests.body import decode_object
from wework_message.entrypoints.wire.requests.fields import KNOWN_NAMES

MAX_ITEM_BYTES: Final = 1_048_576
"""Size of one item in the file, as that of one message."""

_BOM: Final = b"\xef\xbb\xbf"


class FileFormat(StrEnum):
    """What the lines of a file are."""

    CSV = "csv"
    """A table: the first record names the fields."""
    JSONL = "jsonl"
    """One JSON object per line."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no message for an item."""

    error: str
    """The error code that a request would get."""
    errors: tuple[FieldProblem, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a file."""

    line: int
    """The line on which it begins, from 1."""
    digest: str
    """Of its bytes, hex."""
    read: dict[str, Any] | Refusal
    """The message as a request has it, or why it has none."""


@dataclass(slots=True)
class _Lines:
    """The lines of a file as texts, and where the record began that is being read."""

    file: BinaryIO
    line: int = 0
    raw: bytearray = field(default_factory=bytearray)
    """What was read since the record began."""

    def __iter__(self) -> Iterator[str]:
        while raw := self.next():
            if len(self.raw) > MAX_ITEM_BYTES:
                raise _broken(self.line, f"the record has more than {MAX_ITEM_BYTES} bytes: a quote may be missing")
            try:
                yield raw.decode()
            except UnicodeDecodeError:
                raise _broken(self.line, "is not UTF-8") from None

    def next(self) -> bytes:
        """The next line, empty at the end; of a line that is too long, what is certainly too long."""
        raw = self.file.readline(MAX_ITEM_BYTES + 2)
        if raw:
            self.line += 1
            raw = raw.removeprefix(_BOM) if self.line == 1 else raw
            self.raw += raw
        return raw

    def skip_rest(self) -> None:
        """Go to the end of a line that is too long."""
        while rest := self.file.readline(MAX_ITEM_BYTES):
            if rest.endswith(b"\n"):
                return


def read_items(file: BinaryIO, file_format: FileFormat) -> Iterator[Item]:
    """The items of the file; blank lines are none.

    Raises `CommandFailedError` (REFUSED) where a table is broken: what follows could be misread. An item that is no message
    breaks nothing.
    """
    return _of_table(file) if file_format is FileFormat.CSV else _of_json_lines(file)


def count_items(file: BinaryIO, file_format: FileFormat) -> int:
    """How many items there are; raises as `read_items`, and reads no message."""
    if file_format is FileFormat.CSV:
        return sum(1 for _ in _records(_Lines(file)))
    return sum(1 for _ in _json_lines(_Lines(file)))


def _json_lines(lines: _Lines) -> Iterator[bytes]:
    while raw := lines.next():
        if len(raw) > MAX_ITEM_BYTES and not raw.endswith(b"\n"):
            lines.skip_rest()
        if raw.strip():
            yield raw
        lines.raw.clear()


def _of_json_lines(file: BinaryIO) -> Iterator[Item]:
    lines = _Lines(file)
    for raw in _json_lines(lines):
        yield Item(lines.line, _digest(raw.strip()), _decoded(raw))


def _decoded(raw: bytes) -> dict[str, Any] | Refusal:
    try:
        return decode_object(raw, max_bytes=MAX_ITEM_BYTES)
    except RequestRejected as refused:
        problem = FieldProblem("", ProblemCode.INVALID_VALUE, refused.message)
        return Refusal(refused.error, refused.errors or (problem,))


def _records(lines: _Lines) -> Iterator[tuple[int, list[str], list[str]]]:
    """The number of each record's first line, the names of the columns, and the record's cells."""
    reader = csv.reader(iter(lines), strict=True)
    columns: list[str] | None = None
    while True:
        first = lines.line + 1
        lines.raw.clear()
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise _broken(first, str(error)) from None
        if not any(cells):
            continue
        if columns is None:
            columns = [name.strip() for name in cells]
            _check(columns, first)
        else:
            yield first, columns, cells
    if columns is None:
        raise _broken(1, "there is no line that names the columns")


def _check(columns: list[str], line: int) -> None:
    for place, name in enumerate(columns):
        if name.partition(".")[0] not in KNOWN_NAMES or not all(name.split(".")):
            raise _broken(line, f"column {place + 1}, {name[:40]!r}, is no field of a message")
        for other in columns[:place]:
            if name == other or name.startswith(f"{other}.") or other.startswith(f"{name}."):
                raise _broken(line, f"column {place + 1}, {name[:40]!r}, is there twice")


def _of_table(file: BinaryIO) -> Iterator[Item]:
    lines = _Lines(file)
    for first, columns, cells in _records(lines):
        read: dict[str, Any] | Refusal
        if len(cells) == len(columns):
            read = _message(dict(zip(columns, cells, strict=True)))
        else:
            text = f"has {len(cells)} cells, the table has {len(columns)} columns"
            read = Refusal("VALIDATION_FAILED", (FieldProblem("", ProblemCode.INVALID_VALUE, text),))
        yield Item(first, _digest(bytes(lines.raw).strip()), read)


def _message(cells: dict[str, str]) -> dict[str, Any]:
    """An empty cell is a field that is left out; ``a.b`` is the field ``b`` of the object ``a``."""
    message: dict[str, Any] = {}
    for name, cell in cells.items():
        if cell == "":
            continue
        *path, leaf = name.split(".")
        place = message
        for step in path:
            place = place.setdefault(step, {})
        place[leaf] = _value(cells.get("messageType", ""), path, leaf, cell)
    return message


def _value(kind: str, path: list[str], leaf: str, cell: str) -> Any:
    """As `send --field` reads it; what is in `extra` is a text."""
    if not path:
        return field_value(kind, leaf, cell)
    if path[0] == "extra":
        return cell
    kinds = (OBJECTS[path[-1]],) if path[-1] in OBJECTS else tuple(CONTENTS.values())
    return value_in(kinds, leaf, cell)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _broken(line: int, what: str) -> CommandFailedError:
    message = f"line {line}: {what}"
    return CommandFailedError(
        ExitCode.REFUSED,
        message,
        "the table is broken here; what follows could be misread",
        document={"message": message, "errors": [{"line": line, "path": "", "message": what}]},
    )
