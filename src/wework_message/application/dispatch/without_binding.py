"""Messages whose account has no binding for them: somebody may be moving an instance at this moment (ADR 44)."""

import dataclasses
from collections.abc import Sequence

from wework_message.domain.account import Account, Binding, implicit_account_id
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import Pin
from wework_message.domain.ports.accounts import AccountWithBindings
from wework_message.domain.ports.repositories import UnitOfWork


async def borrowed(unit: UnitOfWork, message: Message, account: Account) -> AccountWithBindings | None:
    """Its `account`, as named after the message's guid, with the instances of the accounts that have this guid now.

    None where it is named otherwise, or nobody of its tenant has the guid. The limits are those of who has it.
    """
    if message.guid is None or message.account_id != implicit_account_id(message.guid):
        return None
    bound = [binding for binding in await unit.accounts.binding_of(message.guid, latest=True) if not binding.removed]
    stored = await unit.accounts.accounts(sorted({binding.account_id for binding in bound}), latest=True)
    owners = {account_id: entry[0] for account_id, entry in stored.items() if entry[0].tenant_id == message.tenant_id}
    if not owners:
        return None
    bound = [binding for binding in bound if binding.account_id in owners]
    owner = next(iter(owners.values()))
    return dataclasses.replace(account, enabled=account.enabled and owner.enabled, limits=owner.limits), bound


def is_between_bindings(message: Message, bindings: Sequence[Binding]) -> bool:
    """Whether its account has none of `bindings`, or not the one that the message is pinned to."""
    if not bindings or message.options.pin is not Pin.BINDING:
        return not bindings
    if message.guid is None:
        return bool(message.attempts) and all(known.binding_id != message.attempts[0].binding_id for known in bindings)
    return all(known.guid != message.guid for known in bindings)
