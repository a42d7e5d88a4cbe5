"""Accounts and their bindings: the senders, and the instances through which they send (D-19, M-5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from wework_message.domain.errors import DomainError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, ProviderCode, TenantId
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.quota import NO_LIMITS, AccountLimits


class AccountState(StrEnum):
    """Whether an account can send now, as its bindings show."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    UNKNOWN = "UNKNOWN"
    """Nothing observed yet."""


class BindingState(StrEnum):
    """The known state of one instance."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    UNKNOWN = "UNKNOWN"
    """Nothing observed yet; it may be tried."""


class Standby(StrEnum):
    """How ready a binding is."""

    HOT = "HOT"
    """Logged in: may send."""
    WARM = "WARM"
    """A saved session: may be activated by a job (M-5)."""
    COLD = "COLD"
    """Needs a person and a QR code."""


class SlotOccupiedError(DomainError):
    """Logging this binding in would log another one of the account out; nothing was changed."""

    code: ClassVar[str] = "ILLEGAL_STATE"

    def __init__(self, holder: BindingId) -> None:
        """`holder` has the device slot now."""
        super().__init__(f"the device slot is held by {holder}; demote it first")
        self.holder = holder


class NotActivatableError(DomainError):
    """Only an enabled WARM binding can be activated, one of an account at a time, and only where its instance logs in."""

    code: ClassVar[str] = "ILLEGAL_STATE"


@dataclass(frozen=True, slots=True)
class Account:
    """One WeCom identity: the sender that a client names."""

    account_id: AccountId
    tenant_id: TenantId = DEFAULT_TENANT
    name: str = ""
    corp_id: str | None = None
    """The WeCom corporation it belongs to, as the operator notes it."""
    wecom_user_id: str | None = None
    """Its own user id in the message stream; None until configured or learned (D-44)."""
    enabled: bool = True
    state: AccountState = AccountState.UNKNOWN
    """As stored; `effective_state` derives it from the bindings."""
    on_unknown: OnUnknown | None = None
    """For messages whose request does not set it; None = the configured one."""
    pools: tuple[str, ...] = ()
    """Names of the groups that it belongs to, each once."""
    limits: AccountLimits = NO_LIMITS
    """What it may send, and when."""
    limits_known: bool = True
    """False: its stored limits cannot be read here, so it sends nothing, and `enabled` and `limits` are not what is stored."""
    registered: bool = True
    """False: it is implicit, made for a guid that nobody registered (D-19)."""
    version: int = 0
    """Goes up with every change by hand, of the account or of its bindings; 0 = implicit, or never stored."""
    created_at: int | None = None
    """When it was registered, epoch ms UTC; None for an implicit one."""
    updated_at: int | None = None
    """When it, or a binding of it, was changed by hand last; None for an implicit one."""


@dataclass(frozen=True, slots=True)
class Binding:
    """An account's instance at one provider; (provider, guid) is unique (M-5)."""

    binding_id: BindingId
    account_id: AccountId
    provider_code: ProviderCode
    guid: Guid
    standby: Standby = Standby.HOT
    priority: int = 1
    """Among the account's bindings; smaller wins (D-54)."""
    weight: int = 100
    """Share among equals, at least 1."""
    device_slot: str | None = None
    """Kind of device it logs in as (Windows, Mac, iPad ...); None = unknown, which may be any."""
    enabled: bool = True
    state: BindingState = BindingState.UNKNOWN
    epoch: int = 0
    """Goes up with every change by hand or switch between bindings; an attempt of another epoch may settle but not start."""
    removed: bool = False
    """Its account lists and uses it no more. It is kept because callbacks about what it sent still come."""

    def shares_slot(self, other: "Binding") -> bool:
        """Whether both cannot be logged in at once; an unknown slot may be the same (assumption of M-5)."""
        return self.device_slot is None or other.device_slot is None or self.device_slot == other.device_slot


def implicit_account_id(guid: Guid) -> AccountId:
    """The account of an unregistered guid (D-19)."""
    return AccountId(f"guid:{guid}")


@lru_cache(4_096)
def implicit_account(guid: Guid, tenant_id: TenantId = DEFAULT_TENANT) -> Account:
    """An account of its own for an unregistered guid (D-19)."""
    return Account(implicit_account_id(guid), tenant_id, name=guid, registered=False)


def binding_id_of(guid: Guid, provider_code: ProviderCode) -> BindingId:
    """The id of the binding of a guid at a provider, whichever account has it."""
    return BindingId(f"bind:{provider_code}:{guid}")


def implicit_binding(guid: Guid, provider_code: ProviderCode) -> Binding:
    """The one binding of that account at this provider (D-19)."""
    return Binding(binding_id_of(guid, provider_code), implicit_account_id(guid), provider_code, guid)


def contradicts(wecom_user_id: str, proven: Iterable[str | None]) -> bool:
    """Whether accepted answers prove an own user id (None = they name none), and only others than `wecom_user_id`."""
    senders = set(proven) - {None}
    return bool(senders) and wecom_user_id not in senders


def may_start(attempt_epoch: int, epoch: int) -> bool:
    """The fence: a call whose intent was committed under another epoch is not made (M-5)."""
    return attempt_epoch == epoch


def may_be_called(binding: Binding) -> bool:
    """Whether a recall may go to this instance: a call to one that gave its slot up may log it in again (M-5)."""
    return binding.standby is Standby.HOT and not binding.removed


def effective_state(bindings: Iterable[Binding]) -> AccountState:
    """ONLINE if one enabled binding is, OFFLINE if all enabled ones are, else UNKNOWN."""
    states = {binding.state for binding in bindings if binding.enabled}
    if BindingState.ONLINE in states:
        return AccountState.ONLINE
    return AccountState.OFFLINE if states == {BindingState.OFFLINE} else AccountState.UNKNOWN


def slot_holder(standby: Binding, bindings: Iterable[Binding]) -> Binding | None:
    """The sibling that logging `standby` in would log out: HOT, not known offline, same slot."""
    return next((other for other in _in_its_way(standby, bindings) if other.state is not BindingState.OFFLINE), None)


def _in_its_way(standby: Binding, bindings: Iterable[Binding]) -> Iterator[Binding]:
    """The HOT siblings in its slot."""
    return (
        other
        for other in bindings
        if other.account_id == standby.account_id
        and other.binding_id != standby.binding_id
        and other.standby is Standby.HOT
        and other.shares_slot(standby)
    )


def known_to_be_gone(standby: Binding, bindings: Iterable[Binding]) -> tuple[Binding, ...]:
    """The siblings that leave the slot of `standby` without being asked: HOT, and known to be offline."""
    return tuple(other for other in _in_its_way(standby, bindings) if other.state is BindingState.OFFLINE)


def fence_left_ms(account: Account, fence_ms: int, *, now: int) -> int:
    """How long calls may still start that were decided on before the account was changed last; `fence_ms` at most.

    Whoever demoted a binding may have died right afterwards. A change that seems to lie in the future counts as one of now.
    """
    return 0 if account.updated_at is None else min(fence_ms, max(0, account.updated_at + fence_ms - now))


def make_way(standby: Binding, bindings: Iterable[Binding], *, demote: bool = False) -> tuple[Binding, ...]:
    """The siblings that leave the slot before `standby` is logged in, each WARM and with its next epoch (M-5).

    Those that are known to be offline always do. One that may be online does with `demote`; without it `SlotOccupiedError`
    is raised. Raises `NotActivatableError` for a binding that is not enabled and WARM.
    """
    if standby.standby is not Standby.WARM or not standby.enabled:
        raise NotActivatableError("only an enabled WARM binding can be activated")
    siblings = list(bindings)
    holder = slot_holder(standby, siblings)
    if holder is not None and not demote:
        raise SlotOccupiedError(holder.binding_id)
    return tuple(
        replace(other, standby=Standby.WARM, epoch=other.epoch + 1) for other in _in_its_way(standby, siblings)
    )


def activate(standby: Binding, bindings: Iterable[Binding]) -> Binding:
    """A WARM binding whose instance has logged in: HOT and ONLINE, with its next epoch.

    No call that was decided before the switch starts after it. Raises what `make_way` does: whoever shares its slot must have left it.
    """
    make_way(standby, bindings)
    return replace(standby, standby=Standby.HOT, state=BindingState.ONLINE, epoch=standby.epoch + 1)


def logged_out(standby: Binding, bindings: Iterable[Binding]) -> tuple[Binding, ...]:
    """The siblings whose login that of `standby` ends, as far as they were online: nobody has seen them since.

    Else an account whose standby goes offline would stay online through one that was logged out long ago.
    """
    return tuple(
        replace(other, state=BindingState.UNKNOWN, epoch=other.epoch + 1)
        for other in bindings
        if other.account_id == standby.account_id
        and other.binding_id != standby.binding_id
        and other.state is BindingState.ONLINE
        and other.shares_slot(standby)
    )
