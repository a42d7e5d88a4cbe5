"""One request with its answer on a connection."""

from collections.abc import Callable
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from wework_message.entrypoints.rest.http.problems import INTERNAL
from wework_message.entrypoints.rest.server.own_answers import OwnAnswers
from wework_message.entrypoints.wire.problems import RequestRejected


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
            message = await super().receive()
            if self.rejection is None:
                return message
        raise self.rejection

    async def send(self, message: ASGISendEvent) -> None:
        """A part of the answer."""
        if self.more_body and not self.response_started:
            self.keep_alive = False
        await super().send(message)

    async def send_500_response(self) -> None:
        """Answer where the application ended without an answer: in the envelope, as all errors."""
        answer = self.own_answers.to(INTERNAL, self.scope["headers"])
        await self.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await self.send({"type": "http.response.body", "body": answer.body, "more_body": False})
