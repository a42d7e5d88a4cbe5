"""One request with its answer on a connection."""

from collections.abc import Callable
from typing import Any, Final

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from wework_message.entrypoints.rest.http.envelope import WHOLE, Answer
from wework_message.entrypoints.rest.http.problems import INTERNAL
from wework_message.entrypoints.rest.server.own_answers import OwnAnswers
from wework_message.entrypoints.wire.problems import RequestRejected

EXTENSIONS: Final[dict[str, dict[object, object]]] = {WHOLE: {}}
"""What an exchange takes in addition to what ASGI says."""


_line: Final = b": ".join
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - {0x09})


class Output:
    """The transport as an exchange sees it: it is closed with care for a client that still sends."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: Any, close: Callable[[], None]) -> None:
        """Everything but `close` is the transport's."""
        self.write: Callable[[bytes], None] = transport.write
        self.is_closing: Callable[[], bool] = transport.is_closing
        self.close = close


class Exchange(RequestResponseCycle):
    """uvicorn's, but a body that cannot be read any more is refused by the application, with its own answer.

    An answer that begins before the body has ended closes the connection: what is left of the body would have to be read
    before the next request, however long it is.
    """

    own_answers: OwnAnswers
    rejection: RequestRejected | None = None

    def reject(self, rejection: RequestRejected) -> None:
        """Let the application's reading of the body raise `rejection`."""
        self.rejection = rejection
        self.message_event.set()

    async def receive(self) -> ASGIReceiveEvent:
        """The next part of the body; raises `RequestRejected` once there is no more to come."""
        if self.rejection is None:
            message = self._whole_body() or await super().receive()
            if self.rejection is None:
                return message
        raise self.rejection

    def _whole_body(self) -> ASGIReceiveEvent | None:
        """The body where all of it has come, as for most requests; None where there is more to say or to wait for."""
        is_waiting = self.more_body or self.waiting_for_100_continue or not self.message_event.is_set()
        if is_waiting or self.disconnected or self.response_complete:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: ASGISendEvent) -> None:
        """A part of the answer, or an `Answer` as a whole."""
        if message["type"] == WHOLE:  # type: ignore[comparison-overlap] # see `EXTENSIONS`
            answer: Answer = message["answer"]  # type: ignore[unreachable]
            if not self._write_whole(answer):
                await answer(self.scope, self.receive, self.send)
            return
        if self.more_body and not self.response_started:
            self.keep_alive = False
        await super().send(message)

    def _write_whole(self, answer: Answer) -> bool:
        """Write line, headers and body in one piece; False where that is not the whole story of this exchange."""
        is_special = self.more_body or not self.keep_alive or self.scope["method"] == "HEAD"
        if is_special or self.flow.write_paused or self.disconnected or self.response_started:
            return False
        headers = [*self.default_headers, *answer.headers]
        head = b"%b%b\r\n\r\n" % (STATUS_LINE[answer.status], b"\r\n".join(map(_line, headers)))
        if _controls(head) != 2 * (len(headers) + 2) or b"connection" in dict(headers):
            return False  # a line would end early, which uvicorn refuses, or this answer is the last one
        self.waiting_for_100_continue = self.chunked_encoding = False
        self.response_started = self.response_complete = True
        self.transport.write(head + answer.body)
        self.message_event.set()
        self.on_response()
        return True

    async def send_500_response(self) -> None:
        """Answer where the application ended without an answer: in the envelope, as all errors."""
        answer = self.own_answers.to(INTERNAL, self.scope["headers"])
        await self.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await self.send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _controls(head: bytes) -> int:
    return len(head) - len(head.translate(None, _CONTROLS))
