"""The `data` of answers about accounts and bindings (W-5)."""

import dataclasses
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from wework_message.domain.account import Binding, effective_state
from wework_message.domain.ports.accounts import AccountWithBindings
from wework_message.domain.ports.instances import LoginCode
from wework_message.domain.quiet_hours import QuietHours
from wework_message.domain.routing.filters import BindingHealth
from wework_message.entrypoints.wire.instants import iso


class BudgetAnswer(Struct, frozen=True, rename="camel"):
    """How much an account may send per period."""

    per: str
    limit: int


class QuietHoursAnswer(Struct, frozen=True, rename="camel"):
    """A daily span in which an account sends nothing."""

    from_time: str = field(name="from")
    to_time: str = field(name="to")
    zone: str = field(name="zone")


class BindingAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An account's instance at a provider."""

    binding_id: str
    provider_code: str
    guid: str
    standby: str
    priority: int
    weight: int
    device_slot: str | None
    enabled: bool
    state: str
    """ONLINE, OFFLINE or UNKNOWN, as last observed."""
    healthy: bool | None
    """Whether it takes messages as far as this process knows; null until something was observed."""


class AccountAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """One WeCom identity and its instances."""

    account_id: str
    name: str
    corp_id: str | None
    wecom_user_id: str | None = field(name="vid")
    enabled: bool
    state: str
    """ONLINE, OFFLINE or UNKNOWN: that of its best binding."""
    pools: tuple[str, ...]
    on_unknown: str | None
    budgets: tuple[BudgetAnswer, ...]
    min_interval_ms: int | None
    quiet_hours: QuietHoursAnswer | None
    bulk_share: float | None
    implicit: bool
    """Made for a guid that nobody registered."""
    version: int
    created_at: str | None
    updated_at: str | None
    bindings: tuple[BindingAnswer, ...]


class AccountPage(Struct, frozen=True, rename="camel"):
    """By `accountId`."""

    items: tuple[AccountAnswer, ...]
    next_cursor: str | None


class LoginCodeAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a person scans to log an instance in."""

    binding_id: str
    provider_code: str
    guid: str
    content: str
    """The text of the QR code, such as a URL."""
    image: str | None
    """The same as an image in base64, where the provider gave one."""


def login_code_answer(binding: Binding, code: LoginCode) -> LoginCodeAnswer:
    """The code of a binding's instance."""
    return LoginCodeAnswer(
        binding_id=binding.binding_id,
        provider_code=binding.provider_code,
        guid=binding.guid,
        content=code.content or "",
        image=code.image,
    )


def account_answer(entry: AccountWithBindings, health: Callable[[Binding], BindingHealth]) -> AccountAnswer:
    """An account with its bindings, each as `health` knows it."""
    account, bindings = entry
    return AccountAnswer(
        account_id=account.account_id,
        name=account.name,
        corp_id=account.corp_id,
        wecom_user_id=account.wecom_user_id,
        enabled=account.enabled,
        state=effective_state(_observed(bindings, health)).value,
        pools=account.pools,
        on_unknown=account.on_unknown,
        budgets=tuple(BudgetAnswer(budget.per.value, budget.limit) for budget in account.limits.budgets),
        min_interval_ms=account.limits.min_interval_ms,
        quiet_hours=_quiet_hours(account.limits.quiet_hours),
        bulk_share=account.limits.bulk_share,
        implicit=not account.registered,
        version=account.version,
        created_at=iso(account.created_at),
        updated_at=iso(account.updated_at),
        bindings=tuple(_binding(binding, health(binding)) for binding in bindings),
    )


def _observed(bindings: Sequence[Binding], health: Callable[[Binding], BindingHealth]) -> list[Binding]:
    return [dataclasses.replace(binding, state=health(binding).state) for binding in bindings]


def _quiet_hours(quiet: QuietHours | None) -> QuietHoursAnswer | None:
    return None if quiet is None else QuietHoursAnswer(quiet.from_time, quiet.to_time, quiet.zone)


def _binding(binding: Binding, health: BindingHealth) -> BindingAnswer:
    return BindingAnswer(
        binding_id=binding.binding_id,
        provider_code=binding.provider_code,
        guid=binding.guid,
        standby=binding.standby.value,
        priority=binding.priority,
        weight=binding.weight,
        device_slot=binding.device_slot,
        enabled=binding.enabled,
        state=health.state.value,
        healthy=health.healthy,
    )
