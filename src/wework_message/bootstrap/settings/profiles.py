"""Which profiles are active, and which documents they activate (Spring Boot 3.2, "Profiles")."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.section import texts_in

DEFAULT_PROFILE: Final = "default"
"""The profile where none is active."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_TOKEN: Final = re.compile(r"[()&|!]|[^()&|!]+")


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of a start, the last one strongest."""

    active: Sequence[str]
    accepted: Sequence[str]
    """Those whose files and documents count: the active ones or, where there are none, the default ones."""

    @property
    def named(self) -> tuple[str, ...]:
        """Those that say what kind of a deployment this is: nobody names a default profile `default`."""
        return tuple(name for name in self.accepted if self.active or name != DEFAULT_PROFILE)


def profiles_of(
    active: Sequence[str], included: Sequence[str], default: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> Profiles:
    """Included profiles are added to the active ones and are weaker; each is followed by those of its group.

    Spring Boot 3.2, "Adding Active Profiles" and "Profile Groups".
    """
    chosen = _with_groups(dict.fromkeys((*included, *active)), groups)
    return Profiles(chosen, chosen or _with_groups(default or (DEFAULT_PROFILE,), groups))


def _with_groups(names: Iterable[str], groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    expanded: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in expanded:
            expanded[name] = None
            waiting[:0] = groups.get(name, ())
    return tuple(expanded)


def checked_names(value: object, where: str) -> tuple[str, ...]:
    """The profiles of a value, with commas or as a list; raises `SettingsError` for `where` where one is none."""
    profiles = tuple(dict.fromkeys(texts_in(value)))
    for name in profiles:
        if not _NAME.fullmatch(name):
            raise SettingsError(where, "a profile is named with letters, digits, - and _")
    return profiles


def matches(expression: str, accepted: Collection[str], where: str) -> bool:
    """Whether a profile expression is true: names with ``!``, ``&``, ``|`` and brackets.

    ``&`` and ``|`` need brackets to be beside each other. Raises `SettingsError` for `where` where it is no expression.
    """
    symbols = [symbol for part in _TOKEN.findall(expression) if (symbol := part.strip())]
    try:
        result = _alternatives(symbols, accepted)
    except IndexError:
        result = None
    if result is None or symbols:
        raise SettingsError(where, "is no profile expression, such as: prod & !eu, or (a | b) & c")
    return result


def _alternatives(symbols: list[str], accepted: Collection[str]) -> bool | None:
    """The truth of `symbols` to their end or a closing bracket, which are taken away; None = they are no expression."""
    result = _operand(symbols, accepted)
    operator: str | None = None
    while result is not None and symbols and symbols[0] in ("&", "|"):
        if operator not in (None, symbols[0]):
            return None
        operator = symbols.pop(0)
        following = _operand(symbols, accepted)
        if following is None:
            return None
        result = (result and following) if operator == "&" else (result or following)
    return result


def _operand(symbols: list[str], accepted: Collection[str]) -> bool | None:
    symbol = symbols.pop(0)
    if symbol == "!":
        negated = _operand(symbols, accepted)
        return None if negated is None else not negated
    if symbol == "(":
        inner = _alternatives(symbols, accepted)
        return inner if symbols.pop(0) == ")" else None
    return None if symbol in (")", "&", "|") else symbol in accepted
