"""The keys that exist, derived from the tree: values, sections, and the range of each value."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias, get_args, get_origin

import msgspec
from msgspec import inspect

from wework_message.bootstrap.settings.model import Settings
from wework_message.bootstrap.settings.providers import ProviderSettings
from wework_message.bootstrap.settings.secrets import Secret

PROVIDERS: Final = "app.wework.providers"
PROVIDER_PREFIX: Final = f"{PROVIDERS}."
PROVIDER_KEY: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""Lower case with single hyphens: the only spelling that an environment variable can name unambiguously."""

TRUE: Final = frozenset({"true", "yes", "on", "1"})
FALSE: Final = frozenset({"false", "no", "off", "0"})

Value: TypeAlias = object
"""A value of a file or a variable: a text, None, or a map."""

_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""In no text of a setting: the first ends a path or a name for the system, the others are no characters."""
_NO_LINE: Final = re.compile("[\0-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""The same in a text of one line, which has no control characters but the tab."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting: its key, with ``*`` for a provider's name, and its range."""

    key: str
    annotation: object
    default: object
    nullable: bool
    boolean: bool
    mapping: bool
    """Whether it is a map or a list, and not one text."""
    secret: bool
    """Whether its value, or a value of its map, is never printed."""
    allowed: str
    """The range in words, for an error."""
    check: Callable[[str], bool] | None
    """What its text must pass beyond the pattern of its type."""

    def convert(self, value: Value) -> object:
        """`value` as the tree holds it; raises ValueError where it is not allowed (the text never contains it)."""
        if isinstance(value, str) and not self.mapping:
            value = value.rstrip("\r\n")  # a block of YAML ends with a line break
        if value == "" and self.nullable:
            return None
        if not self._is_text(value):
            text = "texts" if self.mapping else "one line of text"
            raise ValueError(f"must be {self.allowed}: {text} without control characters")
        if isinstance(value, str) and self.boolean:
            word = value.strip().lower()
            value = True if word in TRUE else False if word in FALSE else value
        try:
            converted = msgspec.convert(value, type=self.annotation, strict=False, dec_hook=as_secret)
        except msgspec.ValidationError:
            raise ValueError(f"must be {self.allowed}") from None
        if self.check is not None and isinstance(converted, str) and not self.check(converted):
            raise ValueError(f"must be {self.allowed}")
        return converted

    def _is_text(self, value: Value) -> bool:
        """Whether the texts in `value` are such as a setting may have."""
        if isinstance(value, Mapping):
            return all(self._is_text(part) for item in value.items() for part in item)
        if isinstance(value, list):
            return all(map(self._is_text, value))
        return not isinstance(value, str) or not (_NO_TEXT if self.mapping else _NO_LINE).search(value)


def as_secret(type_: type, value: object) -> Secret:
    """The `dec_hook` for the one kind of type that msgspec does not know."""
    if isinstance(value, type_) and isinstance(value, Secret):
        return value
    if issubclass(type_, Secret) and isinstance(value, str):
        return type_(value)
    raise ValueError("must be a text")


def leaf_of(key: str) -> Leaf | None:
    """The setting that `key` names, or None."""
    return _leaves().get(_pattern(key))


def is_section(key: str) -> bool:
    """Whether `key` holds other keys."""
    return _pattern(key) in _sections()


def provider_of(key: str) -> str | None:
    """The provider's key in `key`, or None where `key` is elsewhere."""
    return key.removeprefix(PROVIDER_PREFIX).partition(".")[0] if key.startswith(PROVIDER_PREFIX) else None


def known_leaves(providers: Iterable[str]) -> dict[str, Leaf]:
    """Every key with its setting, in the order of the tree; `providers` are the keys of the providers."""
    names = list(providers)
    leaves: dict[str, Leaf] = {}
    for pattern, leaf in _leaves().items():
        if pattern.startswith(f"{PROVIDER_PREFIX}*."):
            leaves |= {pattern.replace("*", name, 1): leaf for name in names}
        else:
            leaves[pattern] = leaf
    return leaves


@cache
def provider_leaves() -> tuple[str, ...]:
    """The settings of one provider, without prefix."""
    return tuple(leaf.key for leaf in _walk(ProviderSettings, ""))


def section_names() -> list[str]:
    """The sections at the top of the tree."""
    return [field.encode_name for field in msgspec.structs.fields(Settings)]


def _pattern(key: str) -> str:
    provider = provider_of(key)
    if not provider:
        return key
    return f"{PROVIDER_PREFIX}*{key[len(PROVIDER_PREFIX) + len(provider) :]}"


@cache
def _leaves() -> Mapping[str, Leaf]:
    return {leaf.key: leaf for leaf in _walk(Settings, "")}


@cache
def _sections() -> frozenset[str]:
    parts = [key.split(".") for key in _leaves()]
    return frozenset(".".join(words[:length]) for words in parts for length in range(1, len(words)))


def _walk(section: type[msgspec.Struct], prefix: str) -> Iterator[Leaf]:
    for field in msgspec.structs.fields(section):
        key, annotation = f"{prefix}{field.encode_name}", field.type
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            yield from _walk(annotation, f"{key}.")
        elif get_origin(annotation) is Mapping and get_args(annotation)[1] is ProviderSettings:
            yield from _walk(ProviderSettings, f"{key}.*.")
        else:
            default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
            yield _leaf(key, annotation, default)


def _leaf(key: str, annotation: object, default: object) -> Leaf:
    info = inspect.type_info(annotation)
    options = info.types if isinstance(info, inspect.UnionType) else (info,)
    nullable = any(isinstance(option, inspect.NoneType) for option in options)
    (kind,) = (option for option in options if not isinstance(option, inspect.NoneType))
    extra = kind.extra or {} if isinstance(kind, inspect.Metadata) else {}
    bare = kind.type if isinstance(kind, inspect.Metadata) else kind
    return Leaf(
        key=key,
        annotation=annotation,
        default=default,
        nullable=nullable,
        boolean=isinstance(bare, inspect.BoolType),
        mapping=isinstance(bare, (inspect.DictType, inspect.ListType, inspect.CollectionType)),
        secret=_holds_secret(bare),
        allowed=str(extra.get("allowed") or _in_words(bare)) + (", or null" if nullable else ""),
        check=extra.get("check"),
    )


def _holds_secret(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.DictType):
        kind = kind.value_type
    return isinstance(kind, inspect.CustomType) and issubclass(kind.cls, Secret)


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, le=high):
            return f"a number from {low} to {high}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(str(value) for value in values)}"
        case _:
            return "a text"
