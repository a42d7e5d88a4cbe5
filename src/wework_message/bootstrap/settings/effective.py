"""Sources over each other, every value with its origin (D-49)."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError, UnknownSettingError
from wework_message.bootstrap.settings.foreign import Stray, flat
from wework_message.bootstrap.settings.placeholders import Lookup, Property, replaced
from wework_message.bootstrap.settings.schema import (
    PROVIDER_KEY,
    PROVIDER_PREFIX,
    Value,
    is_section,
    known_leaves,
    leaf_of,
    provider_of,
)
from wework_message.bootstrap.settings.spring import (
    ALIASES,
    REDIS_PARTS,
    ignored_section,
    is_setting,
    likely_keys,
)

BUILT_IN_PROVIDER: Final = "guangzhou-guxing"
"""The provider that exists when the settings configure none."""


class OriginKind(StrEnum):
    """What kind of source a value comes from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    PROFILE_FILE = "profile file"
    CONFIG_TREE = "configuration tree"
    NACOS = "nacos"
    ENVIRONMENT = "environment variable"
    SYSTEM_PROPERTY = "option of the JVM in"
    JSON = "JSON of"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from; `name` is the file's path or the variable's name, empty for a default."""

    kind: OriginKind
    name: str = ""

    @property
    def strict(self) -> bool:
        """Whether a placeholder that nothing fills is an error; elsewhere it stays as it is, as in Spring: a password may have one by chance."""
        return self.kind in _STRICT

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


DEFAULT: Final = Origin(OriginKind.DEFAULT)
_STRICT: Final = frozenset({OriginKind.FILE, OriginKind.PROFILE_FILE, OriginKind.NACOS})


@dataclass(frozen=True, slots=True)
class Entry:
    """A value before it is checked, with its origin and the rank of its source (0 = default, the highest wins)."""

    value: Value
    origin: Origin
    rank: int = 0


@dataclass(slots=True)
class Sources:
    """The sources read so far, merged: add sources from the weakest to the strongest."""

    entries: dict[str, Entry] = field(default_factory=dict)
    strays: list[Stray] = field(default_factory=list)
    """Keys of other services in the order of the sources."""
    problems: list[SettingsError] = field(default_factory=list)
    """Keys of ours that do not exist."""
    notes: list[str] = field(default_factory=list)
    _rank: int = 0

    def add(self, values: Iterable[tuple[str, Value, Origin]]) -> None:
        """Take one source; keys that are no settings are kept in `strays` and `problems`."""
        self._rank += 1
        own: dict[str, Entry] = {}
        alias: dict[str, Entry] = {}
        for key, value, origin in values:
            entry = Entry(value, origin, self._rank)
            if (ours := ALIASES.get(key)) is not None:
                self._note_clash(key, entry, alias.get(ours))
                alias[ours] = entry
            elif is_setting(key):
                own[key] = entry
            elif is_section(key) and value is None:
                own |= {key: entry} if provider_of(key) else {}
            elif is_section(key):
                self.problems.append(InvalidSettingError(key, f"is a section of settings, not a value ({origin})"))
            elif ignored_section(key):
                self.strays.append(Stray(key, value, origin))
            else:
                names = self._names((*self.entries, *own, key))
                self.problems.append(UnknownSettingError(key, likely_keys(key, names), str(origin)))
        for key in own.keys() & alias.keys():
            self._note_clash(key, own[key], alias[key])
        # An own key that says that there is no value does not override Spring's key.
        newer = own | {key: entry for key, entry in alias.items() if key not in own or _is_null(key, own[key].value)}
        self.entries |= {key: _merged(self.entries.get(key), entry) for key, entry in newer.items()}

    def fill(self, lookup: Lookup, prefixes: tuple[str, ...] = ("",)) -> None:
        """Replace the placeholders of keys that begin with one of `prefixes`, and of other services' keys; where that is not possible, a key of ours is a problem and not set.

        A key of others that fills a placeholder of ours has a meaning, and is no stray.
        """
        used: set[str] = set()

        def look(name: str) -> Property | None:
            used.add(flat(name))
            return lookup(name)

        for key, entry in list(self.entries.items()):
            if key.startswith(prefixes):
                try:
                    value = replaced(entry.value, look, key, strict=entry.origin.strict)
                except SettingsError as error:
                    self.problems.append(SettingsError(key, f"{error.message} ({entry.origin})"))
                    del self.entries[key]
                else:
                    self.entries[key] = Entry(value, entry.origin, entry.rank)
        self.strays = [stray for stray in self.strays if flat(stray.name) not in used or stray.may_stop]
        for number, stray in enumerate(self.strays):
            with suppress(SettingsError):
                self.strays[number] = stray.with_value(replaced(stray.value, lookup, stray.name, strict=False))

    def _note_clash(self, key: str, entry: Entry, other: Entry | None) -> None:
        """What one source says twice, and differently."""
        if other is not None and other.value not in (None, "", entry.value) and entry.value not in (None, ""):
            self.notes.append(
                f"{key} is there under two names with two values; that of {entry.origin} counts, not that of {other.origin}"
            )

    def add_variable(self, variable: str, value: str, key: str) -> None:
        """Take a variable of other services, which means `key`."""
        self.strays.append(Stray(variable, value, Origin(OriginKind.ENVIRONMENT, variable), key))

    def providers(self) -> list[str]:
        """The configured providers in the order of the sources; raises `InvalidSettingError` for a name we cannot use."""
        names = dict.fromkeys(name for key in self.entries if (name := provider_of(key)) is not None)
        for name in names:
            if not PROVIDER_KEY.fullmatch(name):
                raise InvalidSettingError(f"{PROVIDER_PREFIX}{name}", "a provider's key is lower case with hyphens")
        return list(names)

    @staticmethod
    def _names(keys: Iterable[str]) -> list[str]:
        names = dict.fromkeys(name for key in keys if (name := provider_of(key)))
        return [*known_leaves(names), *ALIASES, *REDIS_PARTS]


def _is_null(key: str, value: Value) -> bool:
    """Whether `value` says that there is none; of a setting that always has one, an empty text is a value."""
    leaf = leaf_of(key)
    return value is None or (value == "" and leaf is not None and leaf.default is None)


def _merged(weaker: Entry | None, entry: Entry) -> Entry:
    """The entries of a map come from all sources, each from its strongest one (Spring Boot 3.2, "Merging Complex Types").

    A map that is empty or null takes away what weaker sources have.
    """
    if weaker is None or not (isinstance(entry.value, dict) and entry.value and isinstance(weaker.value, dict)):
        return entry
    return Entry(weaker.value | entry.value, entry.origin, entry.rank)


@contextmanager
def collected(problems: list[SettingsError]) -> Iterator[None]:
    """Ends with an error as one of `problems`."""
    try:
        yield
    except SettingsError as error:
        problems.append(error)


def nested(values: Mapping[str, object]) -> dict[str, object]:
    """Dotted keys as a tree of maps; what belongs to a provider stays below `app.wework.providers`."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *parents, name = key.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return tree


def join_imports(entries: dict[str, Entry]) -> None:
    """`spring.config.import` may be a list."""
    imports = entries.get("nacos.config.imports")
    if imports and isinstance(imports.value, list):
        text = ",".join(str(location) for location in imports.value)
        entries["nacos.config.imports"] = Entry(text, imports.origin, imports.rank)
