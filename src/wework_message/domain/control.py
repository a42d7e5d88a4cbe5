"""Pauses: what an operator has stopped, and which pause stops a message now (ADR 46).

A pause stops sends. It does not stop acceptance, calls that are open, recalls, probes or callbacks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wework_message.domain.ids import DEFAULT_TENANT, AccountId, ProviderCode, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.registration import MAX_ACCOUNT_ID

MAX_ID: Final = MAX_ACCOUNT_ID
"""Characters of the id of what is paused: an account's may be as long."""

MAX_REASON: Final = 255
"""Characters of the reason of a pause."""

MAX_NAME: Final = 64
"""Characters of the name of whoever paused."""


class PauseScope(StrEnum):
    """What is stopped; the names are API."""

    SERVICE = "SERVICE"
    """Everything. Its pause has no id."""
    TENANT = "TENANT"
    PROVIDER = "PROVIDER"
    """A provider, by its code: other bindings of an account take its messages."""
    ACCOUNT = "ACCOUNT"
    BATCH = "BATCH"

    @property
    def is_operators(self) -> bool:
        """Whether only the operator may stop it: it is a tenant, or reaches beyond one."""
        return self not in (PauseScope.ACCOUNT, PauseScope.BATCH)


@dataclass(frozen=True, slots=True)
class Pause:
    """A decision of an operator that holds until it is taken back."""

    scope: PauseScope
    id: str
    """Of what is stopped; empty for SERVICE."""
    since: int
    """Epoch ms."""
    reason: str | None = None
    by: str | None = None
    """Who paused, as they say."""
    tenant_id: TenantId = DEFAULT_TENANT
    """Who owns what is stopped: what reaches beyond one tenant is the operator's."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """All pauses of a moment."""

    items: tuple[Pause, ...] = ()
    known: bool = True
    """False: they could not be read, so everything counts as paused."""
    providers: frozenset[ProviderCode] = field(init=False)
    accounts: frozenset[AccountId] = field(init=False)
    _by_place: dict[tuple[PauseScope, str], Pause] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index them."""
        object.__setattr__(self, "providers", frozenset(self._ids(PauseScope.PROVIDER)))
        object.__setattr__(self, "accounts", frozenset(self._ids(PauseScope.ACCOUNT)))
        object.__setattr__(self, "_by_place", {(pause.scope, pause.id): pause for pause in self.items})

    def _ids(self, scope: PauseScope) -> Iterable[str]:
        return (pause.id for pause in self.items if pause.scope is scope)

    @property
    def everything(self) -> bool:
        """Whether nothing may be sent at all: the service is paused."""
        return not self.known or (PauseScope.SERVICE, "") in self._by_place

    def get(self, scope: PauseScope, scope_id: str) -> Pause | None:
        """The pause of exactly this."""
        return self._by_place.get((scope, scope_id))

    def stopping(self, message: Message) -> Pause | None:
        """The widest pause that stops this message, whichever binding would take it; None = it may be routed."""
        return (
            self.get(PauseScope.SERVICE, "")
            or self.get(PauseScope.TENANT, message.tenant_id)
            or self.get(PauseScope.ACCOUNT, message.account_id)
            or self.get(PauseScope.BATCH, message.batch_id or "")
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """How many things of each scope are paused."""
        return {scope.value: sum(pause.scope is scope for pause in self.items) for scope in PauseScope}


NOT_READ: Final = Pauses(known=False)
"""Before they are read, and where they could not be read for too long."""
