"""``${name}`` and ``${name:default}`` in values (Spring Boot 3.2, "Property Placeholders")."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.schema import Value

MAX_DEPTH: Final = 10
"""Of placeholders in each other."""

_OPEN: Final = "${"


class Property(NamedTuple):
    """What a placeholder stands for."""

    text: str
    strict: bool
    """Whether a placeholder in it that nothing fills is an error; otherwise it stays as it is, as in Spring: a password may have one by chance."""


Lookup: TypeAlias = Callable[[str], Property | None]


class LiteralText(str):
    """A text in which nothing is replaced: the content of a secret's file."""

    __slots__ = ()


def replaced(value: Value, lookup: Lookup, key: str, *, strict: bool) -> Value:
    """`value` with the placeholders of all its texts replaced; raises `SettingsError` for `key` as `expand` does."""
    if isinstance(value, LiteralText):
        return str(value)
    if isinstance(value, str):
        return expand(value, lookup, key, strict=strict)
    if isinstance(value, dict):
        return {name: replaced(item, lookup, key, strict=strict) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, lookup, key, strict=strict) for item in value]
    return value


def expand(text: str, lookup: Lookup, key: str, *, strict: bool, within: tuple[str, ...] = ()) -> str:
    """`text` with every placeholder replaced; names, values and defaults may hold placeholders, `MAX_DEPTH` deep.

    With `strict`, raises `SettingsError` for `key` where nothing has the name of a placeholder without default, or a placeholder
    is not closed; otherwise it stays as it is written. Raises it in any case for a placeholder that needs itself.
    """
    parts: list[str] = []
    position = 0
    while (start := text.find(_OPEN, position)) >= 0:
        end = _closing(text, start)
        if end is None:
            if strict:
                raise SettingsError(key, "a placeholder ${... is not closed by }")
            break
        parts += (text[position:start], _value(text[start : end + 1], lookup, key, strict, within))
        position = end + 1
    return "".join(parts) + text[position:]


def _value(written: str, lookup: Lookup, key: str, strict: bool, within: tuple[str, ...]) -> str:
    """What stands for one placeholder. The whole inner text is looked up first, then what is before its first colon."""
    inner = written[len(_OPEN) : -1]
    if len(within) >= MAX_DEPTH:
        raise SettingsError(key, f"has placeholders more than {MAX_DEPTH} deep")
    if inner in within:
        raise SettingsError(key, f"the placeholder ${{{inner}}} needs itself")
    deeper = (*within, inner)
    name, colon, default = _split(inner)
    name = expand(name, lookup, key, strict=strict and not colon, within=deeper)
    if name.startswith("random."):
        raise SettingsError(key, f"random values have no meaning here: ${{{name}}}")
    stands = lookup(inner) if colon and _OPEN not in inner else None
    stands = stands or lookup(name)
    if stands is not None:
        return expand(stands.text, lookup, key, strict=stands.strict, within=deeper)
    if colon:
        return expand(default, lookup, key, strict=strict, within=deeper)
    if strict:
        raise SettingsError(key, f"nothing sets {name} and ${{{name}}} has no default")
    return written


def _split(inner: str) -> tuple[str, str, str]:
    """Name and default, parted at the first colon that is in no placeholder."""
    depth = 0
    for index, letter in enumerate(inner):
        if letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
        elif letter == ":" and depth == 0:
            return inner[:index], ":", inner[index + 1 :]
    return inner, "", ""


def _closing(text: str, start: int) -> int | None:
    """Where the placeholder ends that begins at `start`: braces inside it are counted, as Spring does."""
    depth = 0
    for index in range(start + len(_OPEN), len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            if depth == 0:
                return index
            depth -= 1
    return None
