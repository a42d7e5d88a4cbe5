"""From the accounts that a service has to those of a document: pure, and without the domain."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

Values: TypeAlias = Mapping[str, Any]
"""An account or a binding: every field that can be set, with its value, as JSON has it."""

Fleet: TypeAlias = Mapping[str, Values]
"""Accounts by id, each with its `bindings`."""

Instance: TypeAlias = tuple[str, str]
"""Provider and guid: what names a binding. One account has it."""

KEPT_WHEN_ABSENT: Final = frozenset({"vid"})
"""What a service learns by itself: a document without it changes nothing."""


class Action(StrEnum):
    """What a step does. Nothing ever deletes an account."""

    CREATE = "CREATE"
    """An account, with bindings."""
    CHANGE = "CHANGE"
    """What is set of an account."""
    DISABLE = "DISABLE"
    """An account that the document does not have."""
    BIND = "BIND"
    CHANGE_BINDING = "CHANGE_BINDING"
    UNBIND = "UNBIND"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, as it is and as it will be."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one account."""

    action: Action
    account_id: str
    values: Values
    """The account, or the binding, as it will be; for UNBIND as it is."""
    differences: tuple[Difference, ...] = ()

    @property
    def instance(self) -> Instance:
        """Of a binding."""
        return _instance(self.values)


@dataclass(frozen=True, slots=True)
class Taken:
    """An instance that the document gives to one account and another one has and keeps."""

    account_id: str
    instance: Instance
    holder: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order, and what is in the way."""

    steps: tuple[Step, ...]
    taken: tuple[Taken, ...] = ()
    crowded: Mapping[str, int] = field(default_factory=dict)
    """Accounts that would have more bindings than they may, because the document does not name some of those that they have; and how many."""
    kept_accounts: tuple[str, ...] = ()
    """Enabled ones that the document does not have, and that stay as they are."""
    kept_bindings: tuple[tuple[str, Instance], ...] = ()
    """The same for bindings of accounts that it has."""

    @property
    def changed(self) -> dict[str, list[Step]]:
        """The steps by account."""
        steps: dict[str, list[Step]] = {}
        for step in self.steps:
            steps.setdefault(step.account_id, []).append(step)
        return steps


def plan(stored: Fleet, target: Fleet, *, prune: bool, max_bindings: int) -> Plan:
    """The steps that make `stored` have every account of `target`.

    With `prune`, accounts that only `stored` has are switched off, and bindings that the document does not name are removed; without it
    both stay. An account gets its new bindings before it loses others, so it is never without one; but an instance that changes
    its account is removed from the one before it is bound to the other. `target` names an instance once.
    """
    holders = {instance: account_id for account_id, account in stored.items() for instance in _bindings(account)}
    claims = {instance: account_id for account_id, account in target.items() for instance in _bindings(account)}
    taken = [] if prune else [
        Taken(account_id, instance, holders[instance])
        for instance, account_id in claims.items() if holders.get(instance, account_id) != account_id
    ]  # fmt: skip
    moved = {instance for instance, account_id in claims.items() if holders.get(instance, account_id) != account_id}
    early: list[Step] = []
    late: list[Step] = []
    for account_id, account in target.items():
        known = stored.get(account_id)
        if known is None:
            created = Step(Action.CREATE, account_id, account)
            (early if moved.isdisjoint(_bindings(account)) else late).append(created)
            continue
        early += _changes(account_id, known, account)
        early += _in_turn(account_id, known, account, moved=moved, prune=prune, max_bindings=max_bindings)
        late += [Step(Action.BIND, account_id, new) for new in _added(known, account) if _instance(new) in moved]
    if prune:
        for account_id in sorted(stored.keys() - target.keys()):
            early += _retired(account_id, stored[account_id], claims.keys())
    kept_accounts, kept_bindings = ((), ()) if prune else _kept(stored, target)
    crowded = {} if prune else dict(_crowded(stored, target, max_bindings))
    return Plan((*early, *late), tuple(taken), crowded, kept_accounts, kept_bindings)


def _changes(account_id: str, known: Values, account: Values) -> Iterator[Step]:
    differences = tuple(
        Difference(name, known[name], value)
        for name, value in account.items()
        if name != "bindings" and value != known[name] and not (value is None and name in KEPT_WHEN_ABSENT)
    )
    if differences:
        yield Step(Action.CHANGE, account_id, account, differences)


def _in_turn(
    account_id: str, known: Values, account: Values, *, moved: set[Instance], prune: bool, max_bindings: int
) -> Iterator[Step]:
    """The changes of an account's bindings: new ones first, as long as there is room for them."""
    binds = deque(Step(Action.BIND, account_id, new) for new in _added(known, account) if _instance(new) not in moved)
    others = deque(_changed_bindings(account_id, known, account))
    if prune:
        others += [Step(Action.UNBIND, account_id, gone) for gone in _added(account, known)]
    count = len(known["bindings"])
    while binds or others:
        step = binds.popleft() if binds and (count < max_bindings or not others) else others.popleft()
        count += {Action.BIND: 1, Action.UNBIND: -1}.get(step.action, 0)
        yield step


def _changed_bindings(account_id: str, known: Values, account: Values) -> Iterator[Step]:
    before = _bindings(known)
    for instance, binding in _bindings(account).items():
        if instance in before:
            differences = tuple(
                Difference(name, before[instance][name], value)
                for name, value in binding.items()
                if value != before[instance][name]
            )
            if differences:
                yield Step(Action.CHANGE_BINDING, account_id, binding, differences)


def _retired(account_id: str, account: Values, claimed: Collection[Instance]) -> Iterator[Step]:
    """An account that the document does not have: off first, so that what waits for it is held and does not fail."""
    if account["enabled"]:
        off = {**account, "enabled": False}
        yield Step(Action.DISABLE, account_id, off, (Difference("enabled", True, False),))
    for instance, binding in _bindings(account).items():
        if instance in claimed:
            yield Step(Action.UNBIND, account_id, binding)


def _kept(stored: Fleet, target: Fleet) -> tuple[tuple[str, ...], tuple[tuple[str, Instance], ...]]:
    accounts = tuple(sorted(name for name in stored.keys() - target.keys() if stored[name]["enabled"]))
    bindings = tuple(
        (account_id, _instance(binding))
        for account_id, account in target.items() if account_id in stored
        for binding in _added(account, stored[account_id])
    )  # fmt: skip
    return accounts, bindings


def _crowded(stored: Fleet, target: Fleet, max_bindings: int) -> Iterator[tuple[str, int]]:
    for account_id, account in target.items():
        count = len(_bindings(account).keys() | _bindings(stored[account_id]).keys()) if account_id in stored else 0
        if count > max_bindings:
            yield account_id, count


def _added(before: Values, after: Values) -> list[Values]:
    """The bindings that only `after` has."""
    known = _bindings(before)
    return [binding for instance, binding in _bindings(after).items() if instance not in known]


def _bindings(account: Values) -> dict[Instance, Values]:
    return {_instance(binding): binding for binding in account["bindings"]}


def _instance(binding: Values) -> Instance:
    return binding["providerCode"], binding["guid"]
