"""What the REST API needs to know about the process."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from wework_message.domain.access.principal import Principal
from wework_message.domain.networks import Network
from wework_message.domain.ports.tracer import Tracer
from wework_message.entrypoints.rest.load.request_limits import RequestLimits
from wework_message.entrypoints.wire.answer_form import AnswerForm
from wework_message.entrypoints.wire.requests.body import Limits

MAX_CALLBACK_BYTES: Final = 4_194_304
"""Largest body of a provider callback (D-47)."""

MEDIA: Final = "/api/media"
"""Where files come in."""


def wall_clock() -> int:
    """Epoch ms UTC of this machine."""
    return time.time_ns() // 1_000_000


class Credentials(Protocol):
    """Whose keys and tokens are valid."""

    def lookup(self, text: str) -> Principal | None:
        """Whoever has this key or token, where that is known without a wait; None says nothing."""
        ...

    async def principal_of(self, text: str) -> Principal:
        """Whoever has it; raises `UnauthenticatedError`, and `UnavailableError` while that cannot be known."""
        ...


class HttpExchange(NamedTuple):
    """One answered request, for access logs and metrics. It has no path: that of a callback holds a token."""

    route: str
    """Template without the context path, such as ``/api/messages/{message_id}/status``; `UNMATCHED` without one."""
    method: str
    """`OTHER` for a method that HTTP does not name."""
    status: int
    """0 where the connection ended before an answer began."""
    seconds: float
    request_id: str
    problem: Mapping[str, str] | None = None
    """What the log names of an error: its code as `error`, and the ids of the message and the tenant where they are known."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the API, frozen at start."""

    version: str
    """Of the service, for `/actuator/info` and the OpenAPI document."""
    context_path: str = "/message"
    """Everything is served below it and without it; empty = only without (D-26)."""
    webhook_path: str | None = None
    """The only path of the webhook, one of `webhook_spellings`; None = all of them."""
    allowed_hosts: tuple[str, ...] = ()
    """Names that Host may have, in addition to addresses and names that no foreign site can have; `*` = any."""
    allowed_origins: tuple[str, ...] = ()
    """Origins that are ours in addition to that of Host; `*` = any."""
    credentials: Credentials | None = None
    """Whose keys and tokens are valid; None = nobody has to show any (`security.mode: open`)."""
    open_metrics: bool = True
    """Metrics need no key (`security.metrics: open`)."""
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies of ours: what they write into `X-Forwarded-For` is believed (`app.callbacks.trusted-proxies`)."""
    limits: Limits = field(default_factory=Limits)
    answers: AnswerForm | None = None
    """The form of answers for clients of the Java service; None = the documented one."""
    request_limits: RequestLimits | None = None
    """How many requests callers may make, and how much the process takes on; None = no limit."""
    unique_intake_keys: bool = False
    """Whether the keys of queued sends are unique (`rocketmq.intake.unique-keys`)."""
    max_callback_bytes: int = MAX_CALLBACK_BYTES
    max_media_bytes: int = 26_214_400
    """Largest file (`app.media.max-bytes`)."""
    documentation: bool = True
    """Serve the OpenAPI document and Swagger UI."""
    operating: bool = False
    """Serve health, info and metrics only."""
    metrics: Callable[[], Awaitable[tuple[bytes, str]]] | None = None
    """Renders the Prometheus exposition and its content type; None = `/actuator/prometheus` does not exist."""
    metrics_with_traces: Callable[[], tuple[bytes, str]] | None = None
    """The same as OpenMetrics with exemplars, for clients that accept it; None = there is the plain text only."""
    observe: Callable[[HttpExchange], None] | None = None
    """Called once per answered request; must not raise."""
    tracer: Tracer | None = None
    """Records requests; None = they are not recorded."""
    now: Callable[[], int] = wall_clock
    """Epoch ms UTC."""
