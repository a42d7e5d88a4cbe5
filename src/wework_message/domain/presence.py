"""When an account comes online or goes offline: what its stored bindings say before a change, and after it (ADR 65)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from wework_message.domain.account import AccountState, Binding, BindingState, Standby, effective_state
from wework_message.domain.ids import AccountId, BindingId, TenantId


class PresenceCause(StrEnum):
    """Why the stored state of an instance changed; the names are API."""

    LOGIN = "LOGIN"
    """A notice of the provider said that it has logged in."""
    PROBE = "PROBE"
    """The provider was asked."""
    REQUEST = "REQUEST"
    """A request has registered the account, or added, changed or removed a binding."""
    STANDBY = "STANDBY"
    """A standby took over."""


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """An account came online, or went offline."""

    tenant_id: TenantId
    account_id: AccountId
    online: bool
    binding: Binding
    """The one that made the difference."""
    sequence: int
    """How many such changes the account has had, this one too: it rises by one."""


def presence_changed(before: Iterable[Binding], after: Iterable[Binding]) -> tuple[bool, Binding] | None:
    """Whether an account is online after a change of its bindings, and by which of them; None where it is as it was.

    Online is an account with an enabled binding that is ONLINE (`effective_state`). What nobody knows yet is not online: the
    first answer that says offline changes nothing.
    """
    bindings_before, bindings_after = list(before), list(after)
    online = effective_state(bindings_after) is AccountState.ONLINE
    if online is (effective_state(bindings_before) is AccountState.ONLINE):
        return None
    shown_by = bindings_after if online else bindings_before
    carrying = [binding for binding in shown_by if effective_state([binding]) is AccountState.ONLINE]
    return online, min(carrying, key=lambda binding: binding.binding_id)


def unasked_siblings(binding_id: BindingId, bindings: Collection[Binding]) -> Sequence[Binding]:
    """The instances to ask before this one of `bindings` is stored as offline: sends go on through them, but nobody has asked them yet.

    There are none where the account does not go offline by that.
    """
    after = [replace(own, state=BindingState.OFFLINE) if own.binding_id == binding_id else own for own in bindings]
    if presence_changed(bindings, after) is None:
        return ()
    return [own for own in after if own.enabled and own.standby is Standby.HOT and own.state is BindingState.UNKNOWN]
