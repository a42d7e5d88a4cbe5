"""What a route writes to the audit trail: its action before the handler begins, its end before the answer leaves (ADR 70)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.types import HTTPScope

from wework_message.application.audit.trail import AuditTrail
from wework_message.application.errors import ForbiddenError
from wework_message.domain.access.principal import Principal
from wework_message.domain.audit import AuditAction, AuditEntry, Refusal, outcome_of
from wework_message.domain.networks import Network, counted_as
from wework_message.entrypoints.rest.callers import address_of
from wework_message.entrypoints.rest.http.routing import AUDIT

NOTES: Final = "audit"
"""The key of what an audited request has noted, in its `state`."""

WHEN_ANSWERED: Final = "when_answered"
"""The key in `state` of what the edge awaits with the status before an answer begins, and with 0 where there is none."""


@dataclass(slots=True)
class _Notes:
    trail: AuditTrail
    begun: AuditEntry
    target: str | None = None
    fields: tuple[str, ...] = ()

    async def end(self, status: int) -> None:
        await self.trail.end(
            self.begun, outcome_of(status), target=self.target, status=status or None, fields=self.fields
        )


async def begin_audit(
    request: Request[Any, Any, Any], trail: Callable[[], AuditTrail], caller: Principal, proxies: Sequence[Network]
) -> None:
    """Before the handler of a route that has an action: it is durable then. Raises `UnavailableError` where the trail cannot be written: nothing is done then."""
    action: AuditAction = request.route_handler.opt[AUDIT]
    scope = request.scope
    state, writer = scope["state"], trail()
    target = "/".join(str(value) for value in scope["path_params"].values()) or None
    address = address_of(scope, proxies)
    begun = await writer.begin(
        action,
        caller,
        target=_storable(target),
        request_id=state["request_id"],
        address=None if address is None else str(address),
    )
    notes = state[NOTES] = _Notes(writer, begun)
    state[WHEN_ANSWERED] = notes.end


def note_target(request: Request[Any, Any, Any], *ids: str) -> None:
    """Tell the trail what the request is about, where its path does not: what was made, or what the body names."""
    if (notes := request.scope["state"].get(NOTES)) is not None:
        notes.target = _storable("/".join(ids))


def note_fields(request: Request[Any, Any, Any], body: bytes) -> None:
    """Tell the trail which fields a body has that was checked already: names, never values."""
    if (notes := request.scope["state"].get(NOTES)) is not None:
        notes.fields = tuple(sorted(msgspec.json.decode(body, type=dict[str, msgspec.Raw])))


def refusal_of(scope: HTTPScope, error: Exception, proxies: Sequence[Network]) -> Refusal:
    """What the trail counts of a request that was not let in."""
    known = address_of(scope, proxies)
    address = None if known is None else counted_as(known)
    if isinstance(error, ForbiddenError):
        caller: Principal = scope["state"]["principal"]
        return Refusal(AuditAction.SCOPE_MISSING, address, caller.tenant_id, caller.kind, caller.id, error.scope.value)
    return Refusal(AuditAction.LOGIN_FAILED, address)


def _storable(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "replace").decode()
