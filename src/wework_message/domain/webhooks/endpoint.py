"""An endpoint of a client: where events go, which ones, signed by what, and whether it still takes any."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import TenantId, WebhookId
from wework_message.domain.outbound import origin_of
from wework_message.domain.signatures import SigningSecret
from wework_message.domain.webhooks.event import SUBSCRIBABLE, EventType

MAX_ENDPOINTS: Final = 50
"""Endpoints of a tenant."""

ROTATION_MS: Final = 24 * 3_600_000
"""How long a former secret signs beside the new one."""

FAILING_MS: Final = 5 * 24 * 3_600_000
"""After so long of nothing but failure an endpoint is disabled."""

PAUSE_MS: Final = 24 * 3_600_000
"""Failures that are further apart do not count as one time of failure: nothing was tried in between."""

STEP_MS: Final = 60_000
"""A failure within this time after the last one that was noted is not noted: it would change nothing but a row."""


class DisabledReason(StrEnum):
    """Why an endpoint takes no events; the names are API."""

    BY_CLIENT = "BY_CLIENT"
    """Switched off by a request."""
    GONE = "GONE"
    """It answered 410."""
    FAILING = "FAILING"
    """Nothing but failures for five days."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. It is replaced, never changed. Instants are epoch ms."""

    id: WebhookId
    tenant_id: TenantId
    url: str
    events: tuple[EventType, ...]
    """What it is told of, without repeats, in the order of `EventType`."""
    secret: SigningSecret | None
    """None = this process cannot read it (ADR 72): another one may, so nothing is sent from here, and nothing given up."""
    created_at: int
    previous: SigningSecret | None = None
    """The former secret, which signs too until `previous_until`."""
    previous_until: int = 0
    disabled: DisabledReason | None = None
    """None = it is enabled."""
    failing_since: int | None = None
    """The first failure since the last success; None where the last attempt succeeded, or there was none."""
    failed_at: int | None = field(default=None, compare=False)
    """The last failure that was noted."""

    @property
    def enabled(self) -> bool:
        """Whether events are sent to it."""
        return self.disabled is None

    @property
    def sends(self) -> bool:
        """Whether this process may send events to it: it is enabled, and its secret can be read."""
        return self.enabled and self.secret is not None

    @property
    def records(self) -> bool:
        """Whether events are recorded for it: also while failures keep it disabled, for `recover`. A client that switches it off wants none."""
        return self.disabled is not DisabledReason.BY_CLIENT

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of its URL; None where it could not be called."""
        return origin_of(self.url)

    def takes(self, event_type: EventType) -> bool:
        """Whether events of this type are recorded for it."""
        return self.records and event_type in self.events

    def secrets(self, now: int) -> tuple[SigningSecret, ...]:
        """What signs now, the newest first; nothing where the secret cannot be read."""
        if self.secret is None:
            return ()
        if self.previous is not None and now < self.previous_until:
            return self.secret, self.previous
        return (self.secret,)

    def rotated(self, secret: SigningSecret, now: int) -> Self:
        """With a new secret; the present one signs beside it for `ROTATION_MS`, if it can be read. One that was to end before ends now."""
        until = 0 if self.secret is None else now + ROTATION_MS
        return replace(self, secret=secret, previous=self.secret, previous_until=until)

    def switched(self, *, enabled: bool) -> Self:
        """Switched on or off by a client. Switched on, it has a clean record."""
        if enabled == self.enabled:
            return self
        reason = None if enabled else DisabledReason.BY_CLIENT
        return replace(self, disabled=reason, failing_since=None, failed_at=None)

    def succeeded(self) -> Self:
        """After a success."""
        return self if self.failing_since is None else replace(self, failing_since=None, failed_at=None)

    def failed(self, now: int, *, gone: bool = False) -> Self:
        """After a failure; `gone` (410) disables at once, five days of nothing but failure too."""
        if not self.enabled:
            return self
        if gone:
            return replace(self, disabled=DisabledReason.GONE)
        if self.failing_since is None or self.failed_at is None or now - self.failed_at > PAUSE_MS:
            return replace(self, failing_since=now, failed_at=now)
        if now - self.failing_since >= FAILING_MS:
            return replace(self, disabled=DisabledReason.FAILING, failed_at=now)
        return replace(self, failed_at=now) if now - self.failed_at >= STEP_MS else self


def checked_events(names: Iterable[str], path: str = "events") -> tuple[EventType, ...]:
    """The types that a client names; raises `InvalidValueError` for one that does not exist, and for none at all."""
    requested = set(names)
    if not requested or not requested <= set(SUBSCRIBABLE):
        raise InvalidValueError(path, f"must be a list of {', '.join(SUBSCRIBABLE)}")
    return tuple(kind for kind in SUBSCRIBABLE if kind in requested)


def of_origin(endpoints: Collection[Endpoint], url: str, *, disabled: bool = False) -> Endpoint | None:
    """The oldest enabled endpoint of the origin of `url`; None where there is none.

    With `disabled` it may be one that failures have disabled, where none is enabled.
    """
    origin = origin_of(url)
    fitting = [
        endpoint
        for endpoint in endpoints
        if (endpoint.records if disabled else endpoint.enabled) and origin is not None and endpoint.origin == origin
    ]
    return min(fitting, key=lambda endpoint: (not endpoint.enabled, endpoint.id), default=None)
