"""The one table of routes: what Litestar serves and what the OpenAPI document tells."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from litestar import Request

from wework_message.entrypoints.rest import sending, watching
from wework_message.entrypoints.rest.answering import Answer
from wework_message.entrypoints.rest.service import Api

Handler: TypeAlias = Callable[[Api, Request[Any, Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one path, below the context path."""

    method: str
    path: str
    handle: Handler
    tag: str
    summary: str
    answers: Mapping[int, Any] = field(default_factory=dict)


ROUTES: Final = (
    Route("POST", "/api/messages/send", sending.send, "messages", "Send a message and wait for its outcome"),
    Route("POST", "/api/messages/send/async", sending.send_async, "messages", "Accept a message"),
    Route("GET", "/api/messages/status", watching.statuses, "messages", "Statuses"),
    Route("GET", "/api/messages/{message_id:str}/status", watching.status, "messages", "Status"),
    Route("GET", "/api/messages/{message_id:str}", watching.message, "messages", "Message"),
    Route("GET", "/api/messages", watching.messages, "messages", "List"),
)
