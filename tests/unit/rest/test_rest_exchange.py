import asyncio
import logging
from typing import Any, cast

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from wework_message.entrypoints.rest.http.envelope import WHOLE, Answer, Header
from wework_message.entrypoints.rest.server.exchange import Exchange

DATE: Header = (b"date", b"Sun, 29 Nov 2026 16:00:00 GMT")
HEADERS: list[Header] = [(b"content-type", b"application/json"), (b"location", b"/api/messages/1/status")]


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.is_closed = True


class Requested:
    """A request whose answer is to be sent, on a connection of its own."""

    def __init__(self, *, method: str = "POST", keep_alive: bool = True, more_body: bool = False) -> None:
        self.transport = Transport()
        self.ends = 0
        self.exchange = Exchange(
            scope=cast("Any", {"type": "http", "method": method, "headers": []}),
            transport=cast("Any", self.transport),
            flow=FlowControl(cast("Any", self.transport)),
            logger=logging.getLogger(__name__),
            access_logger=logging.getLogger(__name__),
            access_log=False,
            default_headers=[DATE],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=self.end,
        )
        self.exchange.more_body = more_body

    def end(self) -> None:
        self.ends += 1

    async def send_whole(self, answer: Answer) -> None:
        await self.exchange.send(cast("Any", {"type": WHOLE, "answer": answer}))

    async def send_in_parts(self, answer: Answer) -> None:
        await answer(cast("Any", self.exchange.scope), cast("Any", self.exchange.receive), self.exchange.send)  # type: ignore[arg-type]


async def test_an_answer_that_others_may_follow_is_one_write() -> None:
    requested = Requested()
    await requested.send_whole(Answer(202, b'{"code":200}', HEADERS))
    assert len(requested.transport.writes) == 1
    assert requested.ends == 1
    assert requested.exchange.response_complete
    assert not requested.transport.is_closed


@pytest.mark.parametrize(
    "request_",
    [{}, {"keep_alive": False}, {"more_body": True}, {"method": "HEAD"}],
    ids=["plain", "the last one", "before the body has ended", "of HEAD"],
)
@pytest.mark.parametrize("more", [(), ((b"connection", b"close"),)], ids=["", "closing"])
async def test_an_answer_as_a_whole_has_the_bytes_of_its_parts(
    request_: dict[str, Any], more: tuple[Header, ...]
) -> None:
    whole, parts = Requested(**request_), Requested(**request_)
    await whole.send_whole(Answer(202, b'{"code":200}', [*HEADERS, *more]))
    await parts.send_in_parts(Answer(202, b'{"code":200}', [*HEADERS, *more]))
    assert b"".join(whole.transport.writes) == b"".join(parts.transport.writes)
    assert (whole.transport.is_closed, whole.ends) == (parts.transport.is_closed, parts.ends)


@pytest.mark.parametrize("value", [b"/api\r\nset-cookie: a=b", b"/api\nx: y", b"/a\x00", b"/a\x7f"])
async def test_no_header_ends_early(value: bytes) -> None:
    requested = Requested()
    with pytest.raises(RuntimeError):
        await requested.send_whole(Answer(202, b"{}", [(b"location", value)]))
    assert requested.transport.writes == []


async def test_a_client_that_is_gone_gets_nothing() -> None:
    requested = Requested()
    requested.exchange.disconnected = True
    await requested.send_whole(Answer(202, b"{}", HEADERS))
    assert requested.transport.writes == []


async def test_a_body_that_has_come_is_read_once() -> None:
    requested = Requested()
    exchange = requested.exchange
    exchange.body += b"{}"
    exchange.message_event.set()
    assert await exchange.receive() == {"type": "http.request", "body": b"{}", "more_body": False}
    following = asyncio.create_task(exchange.receive())
    await asyncio.sleep(0)
    assert not following.done()  # it waits for the end
    await requested.send_whole(Answer(202, b"{}", HEADERS))
    assert await following == {"type": "http.disconnect"}


async def test_a_client_that_waits_for_100_gets_it_before_its_body_is_read() -> None:
    requested = Requested()
    requested.exchange.waiting_for_100_continue = True
    requested.exchange.message_event.set()
    requested.transport.is_closing = lambda: False  # type: ignore[attr-defined] # asked for in this case only
    await requested.exchange.receive()
    assert requested.transport.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
