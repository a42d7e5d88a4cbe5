"""What clients say of accounts and bindings."""

import dataclasses
from dataclasses import dataclass, field

from wework_message.domain.account import Account, Binding, BindingState, Standby, binding_id_of
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.quota import NO_LIMITS, AccountLimits
from wework_message.domain.registration import check_account


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What a client sets of an account. It replaces all that was set before."""

    name: str = ""
    corp_id: str | None = None
    wecom_user_id: str | None = None
    """None leaves what is stored: it is learnt from answers, too."""
    enabled: bool = True
    on_unknown: OnUnknown | None = None
    pools: tuple[str, ...] = ()
    limits: AccountLimits = NO_LIMITS

    def applied_to(self, account: Account) -> Account:
        """The account with these settings; raises `InvalidValueError`."""
        with_settings = dataclasses.replace(
            account,
            name=self.name,
            corp_id=self.corp_id,
            wecom_user_id=self.wecom_user_id or account.wecom_user_id,
            enabled=self.enabled,
            on_unknown=self.on_unknown,
            pools=self.pools,
            limits=self.limits,
            limits_known=True,
        )
        check_account(with_settings)
        return with_settings


@dataclass(frozen=True, slots=True)
class BindingSettings:
    """What a client sets of a binding. It replaces all that was set before."""

    standby: Standby = Standby.HOT
    priority: int = 1
    weight: int = 100
    device_slot: str | None = None
    enabled: bool = True

    def applied_to(self, binding: Binding) -> Binding:
        """The binding with these settings."""
        return dataclasses.replace(
            binding,
            standby=self.standby,
            priority=self.priority,
            weight=self.weight,
            device_slot=self.device_slot,
            enabled=self.enabled,
        )


@dataclass(frozen=True, slots=True)
class RequestedBinding:
    """An instance that an account is to have."""

    provider_code: ProviderCode
    guid: Guid
    settings: BindingSettings = field(default_factory=BindingSettings)
    state: BindingState = BindingState.UNKNOWN
    """What is known of an instance that nobody bound before."""

    def of(self, account_id: AccountId) -> Binding:
        """The binding, as a new one."""
        binding_id = binding_id_of(self.guid, self.provider_code)
        new_binding = Binding(binding_id, account_id, self.provider_code, self.guid, state=self.state)
        return self.settings.applied_to(new_binding)
