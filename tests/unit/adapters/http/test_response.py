from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.http.response import HEAD_CAP, ResponseReader

CAP = 64


@dataclass(frozen=True)
class Reading:
    status: int
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


def read(*pieces: bytes, ended: bool = False, cap: int = CAP) -> Reading | str | None:
    """The result of the reader for the pieces: an answer, the reason of its failure, or `None` while it needs more."""
    reader = ResponseReader(cap)
    for piece in pieces:
        reader.feed(piece)
    if ended and not reader.complete and reader.failure is None:
        reader.end()
    if reader.failure is not None:
        return reader.failure
    return Reading(reader.status, reader.headers, reader.body, reader.keep_alive) if reader.complete else None


ANSWERS = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello", True),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n",
        200,
        b"hello",
        True,
    ),
    "interim": (
        b"HTTP/1.1 100 Go on\r\nX-Interim: 1\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        200,
        b"hello",
        True,
    ),
    "empty": (b"HTTP/1.1 204 No Content\r\nX-Empty:\r\nX-Blank: \r\n\r\n", 204, b"", True),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, b"", True),
    "close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello", False),
    "old": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello", False),
    "server error": (b"HTTP/1.1 503\r\nContent-Length: 2\r\n\r\nno", 503, b"no", True),
    "until the end": (b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhello", 200, b"hello", False),
}


@pytest.mark.parametrize("name", ANSWERS)
@given(data=st.data())
def test_any_slicing_of_an_answer_reads_the_same(name: str, data: st.DataObject) -> None:
    wire, status, body, keep_alive = ANSWERS[name]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1))))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    unsliced = read(wire, ended=True)
    assert isinstance(unsliced, Reading)
    assert (unsliced.status, unsliced.body, unsliced.keep_alive) == (status, body, keep_alive)
    assert read(*pieces, ended=True) == unsliced


@given(
    status=st.sampled_from([200, 201, 301, 404, 422, 500, 599]),
    body=st.binary(max_size=CAP),
    chunks=st.lists(st.integers(1, CAP), max_size=8),
    cuts=st.sets(st.integers(1, 400)),
)
def test_any_chunking_and_slicing_gives_the_same_body(
    status: int, body: bytes, chunks: list[int], cuts: set[int]
) -> None:
    remaining, framed = body, b""
    for size in [*chunks, CAP]:
        if piece := remaining[:size]:
            framed += b"%x\r\n%b\r\n" % (len(piece), piece)
        remaining = remaining[size:]
    wire = b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (status, framed)
    offsets = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    pieces = [wire[a:b] for a, b in pairwise(offsets)]
    reading = read(*pieces)
    assert isinstance(reading, Reading)
    assert (reading.status, reading.body) == (status, body)


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "until the end"])
def test_an_answer_cut_short_anywhere_is_no_answer(name: str) -> None:
    wire = ANSWERS[name][0]
    for length in range(len(wire)):
        assert read(wire[:length]) is None
        assert read(wire[:length], ended=True) == "READ"


def test_headers_are_lower_case_joined_and_without_interim_ones_or_trailers() -> None:
    wire = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
    reading = read(wire)
    assert isinstance(reading, Reading)
    assert reading.headers == {"x-a": "1, 2", "content-length": "0"}
    for name, headers in {"interim": {"content-length": "5"}, "chunked": {"transfer-encoding": "chunked"}}.items():
        reading = read(ANSWERS[name][0])
        assert isinstance(reading, Reading)
        assert reading.headers == headers


@pytest.mark.parametrize("surplus", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nforged", b"\x00"])
def test_bytes_after_an_answer_spoil_the_connection_but_not_the_answer(surplus: bytes) -> None:
    wire = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + surplus
    assert read(wire) == Reading(200, {"content-length": "5"}, b"hello", keep_alive=False)


@pytest.mark.parametrize(
    "wire",
    [
        b"<html>",
        b"\x16\x03\x01\x00",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
    ],
)
def test_what_is_not_http_fails(wire: bytes) -> None:
    assert read(wire, ended=True) == "PROTOCOL"


def test_a_body_up_to_the_cap_is_read_and_one_byte_more_is_oversize() -> None:
    for head in (b"Content-Length: %d", b"X-Until-The-End: %d"):
        wire = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n"
        assert isinstance(read(wire % CAP, b"x" * CAP, ended=True), Reading)
        assert read(wire % (CAP + 1), b"x" * CAP, b"x", ended=True) == "OVERSIZE"
        assert read(wire % (CAP + 1) + b"x" * (CAP + 1), ended=True) == "OVERSIZE"


def test_a_head_over_its_cap_is_oversize_in_any_pieces() -> None:
    large = 256 * 1024  # the head has its own cap
    line = b"X-Filler: " + b"x" * 1000 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\n" + line * (HEAD_CAP // 1000 + 1)
    assert read(head + b"\r\n", cap=large) == "OVERSIZE"
    assert read(*(head[i : i + 100] for i in range(0, len(head), 100)), cap=large) == "OVERSIZE"
    assert read(b"HTTP/1.1 200 OK\r\nX: ", *[b"x" * 1000] * 17, cap=large) == "OVERSIZE"
    assert read(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 1000, cap=large) == "OVERSIZE"


@pytest.mark.parametrize("tail", [b"1;", b"0\r\nX-Trailer: "])
def test_an_endless_chunk_extension_or_trailer_is_oversize(tail: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert read(head + tail, *[b"x" * 1000] * 18) == "OVERSIZE"


def test_a_body_of_the_cap_in_one_byte_chunks_is_read() -> None:
    cap = 256 * 1024
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    reading = read(head, *[b"1\r\nx\r\n" * 1024] * 256, b"0\r\n\r\n", cap=cap)
    assert isinstance(reading, Reading)
    assert len(reading.body) == cap


def test_the_reader_reads_the_next_answer_after_a_reset() -> None:
    reader = ResponseReader(CAP)
    for number in (b"1", b"2"):
        reader.feed(b"HTTP/1.1 200 OK\r\nX-Number: %b\r\nContent-Length: 1\r\n\r\n%b" % (number, number))
        assert (reader.complete, reader.keep_alive, reader.body) == (True, True, number)
        assert reader.headers["x-number"] == number.decode()
        reader.reset()
