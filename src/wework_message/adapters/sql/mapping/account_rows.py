"""Accounts and bindings to rows and back, written by hand."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping

from wework_message.domain.account import Account, Binding, BindingState, Standby, effective_state
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.pools import PoolChoice
from wework_message.domain.quota import NO_LIMITS, AccountLimits

Row = Mapping[str, Any] | RowMapping
"""A result row by column name."""

_ENCODE = msgspec.json.Encoder()
_LIMITS = msgspec.json.Decoder(AccountLimits)
_POOLS = msgspec.json.Decoder(tuple[str, ...])

_log: Final = logging.getLogger(__name__)


def account_of(row: Row, bindings: Sequence[Binding]) -> Account:
    """A stored account; its state follows from its bindings. One whose limits cannot be read is switched off."""
    limits = _limits_of(row)
    return Account(
        account_id=row["account_id"], tenant_id=row["tenant_id"], name=row["name"] or "", corp_id=row["corp_id"],
        wecom_user_id=row["vid"], enabled=bool(row["enabled"]) and limits is not None, state=effective_state(bindings),
        on_unknown=None if row["on_unknown"] is None else OnUnknown(row["on_unknown"]),
        pools=() if row["pools"] is None else _POOLS.decode(row["pools"]),
        limits=limits or NO_LIMITS, limits_known=limits is not None, registered=bool(row["registered"]), version=row["version"],
        created_at=row["created_at"], updated_at=row["updated_at"],
    )  # fmt: skip


def _limits_of(row: Row) -> AccountLimits | None:
    """None where they cannot be read: the time zone database of this machine may lack a zone of another one's."""
    if row["limits"] is None:
        return NO_LIMITS
    try:
        return _LIMITS.decode(row["limits"])
    except msgspec.ValidationError:
        # Without the stack: it says nothing more, and the account is read again and again.
        _log.error("the limits of account %s cannot be read: it sends nothing", row["account_id"])
        return None


def account_row(account: Account) -> dict[str, Any]:
    """All columns of an account."""
    return {
        "account_id": account.account_id, "tenant_id": account.tenant_id, "name": account.name,
        "corp_id": account.corp_id, "vid": account.wecom_user_id, "enabled": account.enabled,
        "registered": account.registered, "version": account.version, "on_unknown": account.on_unknown,
        "pools": _ENCODE.encode(account.pools).decode() if account.pools else None,
        "limits": _ENCODE.encode(account.limits).decode() if account.limits != NO_LIMITS else None,
        "created_at": account.created_at, "updated_at": account.updated_at,
    }  # fmt: skip


def binding_row(binding: Binding, tenant_id: str) -> dict[str, Any]:
    """All columns of a binding."""
    return {
        "binding_id": binding.binding_id, "tenant_id": tenant_id, "account_id": binding.account_id,
        "provider_code": binding.provider_code, "guid": binding.guid, "standby": binding.standby.value,
        "priority": binding.priority, "weight": binding.weight, "device_slot": binding.device_slot,
        "enabled": binding.enabled, "state": binding.state.value, "epoch": binding.epoch,
        "removed": binding.removed,
    }  # fmt: skip


def pool_choice_row(choice: PoolChoice, now: int) -> dict[str, Any]:
    """All columns of a choice; `now` is when it was made, epoch ms."""
    return {
        "tenant_id": choice.tenant_id, "pool": choice.pool, "conversation_id": choice.conversation_id,
        "account_id": choice.account_id, "chosen_at": now,
    }  # fmt: skip


def binding_of(row: Row) -> Binding:
    """A stored binding."""
    return Binding(
        binding_id=row["binding_id"], account_id=row["account_id"], provider_code=row["provider_code"],
        guid=row["guid"], standby=Standby(row["standby"]), priority=row["priority"], weight=row["weight"],
        device_slot=row["device_slot"], enabled=bool(row["enabled"]), state=BindingState(row["state"]),
        epoch=row["epoch"], removed=bool(row["removed"]),
    )  # fmt: skip
