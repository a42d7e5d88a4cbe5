"""Whose stream it is now: what was read of bindings before a pull may be old when it has ended."""

from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.ports.accounts import AccountRepository
from wework_message.domain.stream import StreamPosition


async def is_current(
    accounts: AccountRepository, provider_code: ProviderCode, guid: Guid, position: StreamPosition
) -> bool:
    """Whether the binding as it is stored now is that of this position: it may have moved to another account, or been switched."""
    bindings = await accounts.binding_of(guid, latest=True)
    binding = next((binding for binding in bindings if binding.provider_code == provider_code), None)
    return binding is not None and position.now_of(binding) is position
