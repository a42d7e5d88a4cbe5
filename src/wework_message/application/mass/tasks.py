"""Mass sends that an administrator issued and that wait for an employee's confirmation: what the provider says of them (P-6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wework_message.application.accounts.directory import AccountDirectory
from wework_message.application.errors import NotImplementedYetError, UnknownNameError
from wework_message.application.policy import Policy
from wework_message.domain.access.ownership import uses_unregistered
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import Guid, ProviderCode, TenantId
from wework_message.domain.ports.mass_gateway import MassGateway


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """What a provider answered, as it is: no answer of its is documented."""

    provider_code: ProviderCode
    raw: Any


@dataclass(frozen=True, slots=True)
class MassTasks:
    """Read-only calls to the provider of an instance."""

    policy: Policy
    gateways: Mapping[ProviderCode, MassGateway]
    directory: AccountDirectory

    async def list(self, tenant_id: TenantId, guid: Guid, next_page: str = "") -> TaskAnswer:
        """The tasks that wait; `next_page` as the answer before named it. Raises `UnknownNameError`, `NotImplementedYetError`, `UnavailableError`."""
        code, gateway = await self._gateway(tenant_id, guid)
        return _answered(code, await gateway.tasks(guid, next_page))

    async def get(self, tenant_id: TenantId, guid: Guid, task_id: str) -> TaskAnswer:
        """One of them. Raises the same."""
        code, gateway = await self._gateway(tenant_id, guid)
        return _answered(code, await gateway.task(guid, task_id))

    async def _gateway(self, tenant_id: TenantId, guid: Guid) -> tuple[ProviderCode, MassGateway]:
        """Of the provider that has the instance; the default one has those that nobody registered."""
        registered = await self.directory.read()
        bound = registered.guids.get(guid) or {}
        owners = {registered.accounts[account_id].tenant_id for account_id in bound.values()}
        if not owners <= {tenant_id} or (not owners and not uses_unregistered(tenant_id)):
            raise UnknownNameError("guid", "account")
        codes: Sequence[ProviderCode | None] = [*bound] or [self.policy.default_code]
        for code in codes:
            if code is not None and (gateway := self.gateways.get(code)) is not None:
                return code, gateway
        raise NotImplementedYetError("guid", "its provider has no mass sends")


def _answered(code: ProviderCode, raw: Any) -> TaskAnswer:
    if raw is None:
        raise UnavailableError(f"provider {code}", "gave no answer about its tasks")
    return TaskAnswer(code, raw)
