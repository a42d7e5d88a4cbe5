"""What may be registered: accounts and bindings as people manage them (D-19, ADR 44).

Every function is pure. Refusals name the field in the JSON's spelling.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from wework_message.domain.account import Account, Binding, implicit_account_id
from wework_message.domain.errors import DomainError, InvalidValueError
from wework_message.domain.ids import AccountId, BindingId, Guid

MAX_ID_LENGTH: Final = 128
"""Characters of an account id that a client makes up."""

MAX_ACCOUNT_ID: Final = 136
"""Characters of any account id, that of the longest guid too; as many as its columns have."""

MAX_NAME_LENGTH: Final = 255
MAX_CORP_ID_LENGTH: Final = 64
MAX_SLOT_LENGTH: Final = 64
MAX_POOLS: Final = 20
MAX_BINDINGS: Final = 20
"""Bindings of one account, removed ones not counted."""
MAX_PRIORITY: Final = 9_999
MAX_WEIGHT: Final = 10_000

IMPLICIT_PREFIX: Final = implicit_account_id(Guid(""))

_ACCOUNT_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:@-]{{0,{MAX_ID_LENGTH - 1}}}")
_POOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WECOM_USER_ID: Final = re.compile(r"[0-9]{1,20}")


class TakenError(DomainError):
    """An account with this id is registered, or the guid is bound to another account; nothing was changed."""

    code: ClassVar[str] = "CONFLICT"

    def __init__(self, path: str, message: str, holder: AccountId) -> None:
        """`path` is the field that names what is taken, `holder` the account that has it."""
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message
        self.holder = holder


class StaleVersionError(DomainError):
    """The account was changed since the client read it; nothing was changed."""

    code: ClassVar[str] = "CONFLICT"
    path: ClassVar[str] = "version"

    def __init__(self, version: int) -> None:
        """`version` is the one that is stored."""
        self.message = f"the account has version {version} by now"
        super().__init__(f"{self.path}: {self.message}")
        self.version = version


def named_after(bindings: Sequence[Binding]) -> AccountId | None:
    """The id of an account for which none is given: that of the implicit account of its first guid (ADR 44)."""
    return implicit_account_id(bindings[0].guid) if bindings else None


def check_account(account: Account) -> None:
    """Raises `InvalidValueError` for the first value that no account may have. Its id is checked by `check_new_id`."""
    for problem in _account_problems(account):
        raise problem


def check_new_id(account_id: AccountId, bindings: Sequence[Binding]) -> None:
    """Raises `InvalidValueError` for an id that a client may not give: one that belongs to a guid that it does not bind."""
    if account_id.startswith(IMPLICIT_PREFIX):
        if all(implicit_account_id(binding.guid) != account_id for binding in bindings):
            raise InvalidValueError("accountId", "begins with guid: and needs a binding with that guid")
    elif _ACCOUNT_ID.fullmatch(account_id) is None:
        text = f"must be 1 to {MAX_ID_LENGTH} letters, digits or ._:@- and begin with a letter or digit"
        raise InvalidValueError("accountId", text)


def check_bindings(bindings: Sequence[Binding]) -> None:
    """Raises `InvalidValueError` for the first value of a new account's bindings; paths as ``bindings[1].guid``."""
    if len(bindings) > MAX_BINDINGS:
        raise InvalidValueError("bindings", f"must have at most {MAX_BINDINGS} items")
    seen: set[BindingId] = set()
    for place, binding in enumerate(bindings):
        prefix = f"bindings[{place}]."
        check_binding(binding, prefix=prefix)
        if binding.binding_id in seen:
            raise InvalidValueError(f"{prefix}guid", "is given twice at this provider")
        seen.add(binding.binding_id)


def check_binding(binding: Binding, *, prefix: str = "") -> None:
    """Raises `InvalidValueError` for the first value that no binding may have."""
    if not 0 <= binding.priority <= MAX_PRIORITY:
        raise InvalidValueError(f"{prefix}priority", f"must be 0 to {MAX_PRIORITY}")
    if not 1 <= binding.weight <= MAX_WEIGHT:
        raise InvalidValueError(f"{prefix}weight", f"must be 1 to {MAX_WEIGHT}")
    if binding.device_slot is not None and not _is_text(binding.device_slot, MAX_SLOT_LENGTH):
        raise InvalidValueError(f"{prefix}deviceSlot", f"must be 1 to {MAX_SLOT_LENGTH} printable characters")


def check_room(binding: Binding, bindings: Sequence[Binding]) -> None:
    """Raises `TakenError` where the account has `binding` already, and `InvalidValueError` where it has as many as it may."""
    for own in bindings:
        if (own.guid, own.provider_code) == (binding.guid, binding.provider_code):
            raise TakenError("guid", "is bound to this account already; PUT changes the binding", own.account_id)
    if len(bindings) >= MAX_BINDINGS:
        raise InvalidValueError("guid", f"an account may have {MAX_BINDINGS} bindings")


def check_free(account_id: AccountId, binding: Binding, stored: Sequence[Binding], *, prefix: str = "") -> None:
    """Raises `TakenError` where `stored`, the bindings of the same guid, show it at the provider with another account."""
    for holding in stored:
        if holding.provider_code == binding.provider_code and holding.account_id != account_id and not holding.removed:
            raise TakenError(f"{prefix}guid", taken_text(holding), holding.account_id)


def taken_text(binding: Binding) -> str:
    """Where a guid is bound, and what to do about it."""
    text = f"is bound to account {binding.account_id} at {binding.provider_code}"
    return f"{text}; register that account, or remove the binding there first"


def changed(stored: Account, *, expected_version: int | None, now: int) -> Account:
    """The account as registered, with its next version. Raises `StaleVersionError` where another one was expected."""
    if expected_version is not None and expected_version != stored.version:
        raise StaleVersionError(stored.version)
    created_at = now if stored.created_at is None else stored.created_at
    return replace(stored, registered=True, version=stored.version + 1, created_at=created_at, updated_at=now)


def rebound(binding: Binding, known: Binding | None) -> Binding:
    """The binding to store where one of this provider and guid is known already, removed or of the same account.

    Its name, and what the instance reported, stay. The epoch goes up: no call that was decided before starts afterwards.
    """
    if known is None:
        return binding
    state = binding.state if known.removed else known.state
    return replace(binding, binding_id=known.binding_id, state=state, epoch=known.epoch + 1)


def unbound(binding: Binding) -> Binding:
    """The binding as its account no longer has it; its open calls settle, and their echoes are found (ADR 44)."""
    return replace(binding, removed=True, epoch=binding.epoch + 1)


def _account_problems(account: Account) -> Iterator[InvalidValueError]:
    if len(account.name) > MAX_NAME_LENGTH or not account.name.isprintable():
        yield InvalidValueError("name", f"must be at most {MAX_NAME_LENGTH} printable characters")
    if account.corp_id is not None and not _is_text(account.corp_id, MAX_CORP_ID_LENGTH):
        yield InvalidValueError("corpId", f"must be 1 to {MAX_CORP_ID_LENGTH} printable characters")
    if account.wecom_user_id is not None and _WECOM_USER_ID.fullmatch(account.wecom_user_id) is None:
        yield InvalidValueError("vid", "must be 1 to 20 digits")
    if len(account.pools) > MAX_POOLS:
        yield InvalidValueError("pools", f"must have at most {MAX_POOLS} items")
    for place, pool in enumerate(account.pools):
        if _POOL.fullmatch(pool) is None:
            yield InvalidValueError(f"pools[{place}]", "must be 1 to 64 letters, digits or ._- and begin with one")
        elif pool in account.pools[:place]:
            yield InvalidValueError(f"pools[{place}]", "is given twice")


def _is_text(text: str, max_length: int) -> bool:
    return 0 < len(text) <= max_length and text.isprintable()
