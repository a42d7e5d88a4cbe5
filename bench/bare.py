"""The anchor: what a bare Litestar + msgspec handler does with the same request, and nothing else.

A message: eight fields with constraints, validated by msgspec, answered 202 with JSON. A callback: its envelope, answered 200.
uvicorn with httptools and uvloop, one process.
"""

import itertools
import socket
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
import uvicorn
from litestar import Litestar, post
from litestar.types import ASGIApp

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Common(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every message of the bench has."""

    guid: Name
    conversation_id: Annotated[str, msgspec.Meta(min_length=3, max_length=128, pattern=r"^[SR]:[0-9]+$")]
    message_type: Literal["TEXT", "IMAGE", "FILE", "VOICE", "VIDEO", "LINK"]
    content: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    client_message_id: Name
    priority: Annotated[int, msgspec.Meta(ge=0, le=9)] = 5
    duplicate_safe: bool = False


class SendMessage(Common, kw_only=True):
    scheduled_at: Annotated[datetime, msgspec.Meta(tz=True)]


class Accepted(msgspec.Struct, rename="camel"):
    message_id: str
    status: str


class Callback(msgspec.Struct):
    guid: Name
    notify_type: int
    data: dict[str, Any]


_serial: Final = itertools.count(1)


@post("/send", status_code=202)
async def send(data: SendMessage) -> Accepted:
    return Accepted(f"{next(_serial):032x}", data.message_type)


@post("/callback", status_code=200)
async def take(data: Callback) -> Accepted:
    return Accepted(f"{next(_serial):032x}", data.guid)


app: Final = Litestar([send, take], openapi_config=None)


def serve(served: ASGIApp) -> None:
    """Print the port, and serve on it until SIGTERM."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        served, http="httptools", loop="uvloop", access_log=False, log_level="critical", backlog=2048
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(app)
