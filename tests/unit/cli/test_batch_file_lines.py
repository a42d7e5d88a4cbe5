"""Reading the items of a file: tables and JSON lines, with the line of everything that is wrong."""

import io
import itertools
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from wework_message.entrypoints.cli.batch_file.lines import (
    MAX_ITEM_BYTES,
    FileFormat,
    Item,
    Refusal,
    count_items,
    read_items,
)
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError


def table(text: str) -> list[Item]:
    return list(read_items(io.BytesIO(text.encode()), FileFormat.CSV))


def objects(content: bytes) -> list[Item]:
    items = list(read_items(io.BytesIO(content), FileFormat.JSONL))
    assert count_items(io.BytesIO(content), FileFormat.JSONL) == len(items)
    return items


def test_the_cells_of_a_table_are_the_fields_of_its_columns() -> None:
    items = table(
        "\ufeffguid,conversationId,messageType, content ,priority,atList,extra.order,extra.by.name\n"
        "g1,S:1,TEXT,123,7,,0012,mei\r\n"
        "\n"
        ',R:2,MENTION,"two\nlines, and ""quotes""",,"[""0""]",12,\n'
        "g1,S:3,TEXT,true,high,,,\n"
    )
    assert [(item.line, item.read) for item in items] == [
        (2, {"guid": "g1", "conversationId": "S:1", "messageType": "TEXT", "content": "123", "priority": 7,
             "extra": {"order": "0012", "by": {"name": "mei"}}}),
        (4, {"conversationId": "R:2", "messageType": "MENTION", "content": 'two\nlines, and "quotes"', "atList": ["0"],
             "extra": {"order": "12"}}),
        (6, {"guid": "g1", "conversationId": "S:3", "messageType": "TEXT", "content": "true", "priority": "high"}),
    ]  # fmt: skip


def test_a_dotted_column_is_a_field_of_an_object() -> None:
    (item,) = table(
        "messageType,quoteMessage.messageType,quoteMessage.content,quoteMessage.imageSize\nQUOTE,TEXT,5,5\n"
    )
    assert item.read == {
        "messageType": "QUOTE",
        "quoteMessage": {"messageType": "TEXT", "content": "5", "imageSize": 5},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: there is no line that names the columns"),
        ("\n\nguid,text\n", "line 3: column 2, 'text', is no field of a message"),
        ("guid,\n", "line 1: column 2, '', is no field of a message"),
        ("guid,extra..a\n", "line 1: column 2, 'extra..a', is no field of a message"),
        ("guid,content,guid\n", "line 1: column 3, 'guid', is there twice"),
        ("extra,extra.a\n", "line 1: column 2, 'extra.a', is there twice"),
        ("extra.a,extra\n", "line 1: column 2, 'extra', is there twice"),
        ('guid,content\ng,a\ng,"open\ng,"b"\n', "line 3: ',' expected after '\"'"),
        ('guid,content\ng,a\ng,"open\n', "line 3: unexpected end of data"),
    ],
)
def test_a_broken_table_is_refused_as_a_whole(text: str, message: str) -> None:
    for read in (lambda: table(text), lambda: count_items(io.BytesIO(text.encode()), FileFormat.CSV)):
        with pytest.raises(CommandFailedError) as refused:
            read()
        assert (refused.value.code, refused.value.message) == (ExitCode.REFUSED, message)


def test_a_table_in_another_encoding_is_refused() -> None:
    with pytest.raises(CommandFailedError, match="line 2: is not UTF-8"):
        list(read_items(io.BytesIO("guid,content\ng,你好\n".encode("gbk")), FileFormat.CSV))


def test_a_row_with_other_cells_than_columns_is_one_bad_item() -> None:
    short, good = table("guid,content\ng\ng,a\n")
    assert isinstance(short.read, Refusal)
    assert (short.line, short.read.error) == (2, "VALIDATION_FAILED")
    assert short.read.errors[0].message == "has 1 cells, the table has 2 columns"
    assert good.read == {"guid": "g", "content": "a"}


def test_json_lines_are_read_one_by_one_and_bad_ones_stop_nothing() -> None:
    items = objects(
        b'\xef\xbb\xbf{"guid":"g"}\n\n  \nno json\n[1]\n{"content":"\xff"}\n{"content":"'
        + b"x" * (2 * MAX_ITEM_BYTES)
        + b'"}\n{"guid":"last"}'
    )
    assert [item.line for item in items] == [1, 4, 5, 6, 7, 8]
    assert [item.read for item in (items[0], items[-1])] == [{"guid": "g"}, {"guid": "last"}]
    refused = [item.read for item in items[1:-1]]
    assert [refusal.error for refusal in refused if isinstance(refusal, Refusal)] == [
        "INVALID_JSON", "VALIDATION_FAILED", "INVALID_JSON", "PAYLOAD_TOO_LARGE",
    ]  # fmt: skip
    assert all(refusal.errors for refusal in refused if isinstance(refusal, Refusal))


@pytest.mark.parametrize("last", [b"", b"x", b"xy"])
def test_a_line_as_long_as_a_message_may_be_is_read(last: bytes) -> None:
    frame = b'{"content":""}'
    longest = b'{"content":"' + b"x" * (MAX_ITEM_BYTES - len(frame) - 1) + last + b'"}'
    (first, second) = objects(longest + b"\n{}\n")
    assert isinstance(first.read, Refusal) is (len(longest) >= MAX_ITEM_BYTES)
    assert (second.line, second.read) == (2, {})


def test_equal_lines_have_equal_digests_whatever_ends_them() -> None:
    same, again, other = objects(b'{"a":1}\r\n{"a":1}\n{"a":2}')
    assert same.digest == again.digest != other.digest
    same, again, other = table("guid,content\r\ng,a\r\ng,a\ng,b")
    assert same.digest == again.digest != other.digest


class Generated(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines

    def readline(self, _limit: int | None = -1, /) -> bytes:
        return next(self._lines, b"")


@pytest.mark.parametrize(("file_format", "many"), [(FileFormat.CSV, 20_000), (FileFormat.JSONL, 100_000)])
def test_the_memory_does_not_grow_with_the_file(file_format: FileFormat, many: int) -> None:
    def peak(items: int) -> int:
        head = [b"conversationId,content\n"] if file_format is FileFormat.CSV else []
        row = b"S:%d,hello\n" if file_format is FileFormat.CSV else b'{"conversationId":"S:%d","content":"hello"}\n'
        file: Any = Generated(itertools.chain(head, (row % number for number in range(items))))
        tracemalloc.reset_peak()
        assert sum(1 for _ in read_items(file, file_format)) == items
        return tracemalloc.get_traced_memory()[1]

    peak(100)  # caches
    tracemalloc.start()
    try:
        assert (peak(many) - peak(1_000)) / many < 5  # bytes for each item
    finally:
        tracemalloc.stop()


def test_a_record_that_never_ends_is_found_before_the_memory_is_full() -> None:
    file: Any = Generated(itertools.chain([b"guid,content\n", b'"'], itertools.repeat(b'",' + b"x" * 99_000 + b',"\n')))
    with pytest.raises(CommandFailedError, match="line 13: the record has more than 1048576 bytes: a quote may be"):
        list(read_items(file, FileFormat.CSV))
