"""Environment over profile file over file over default, every value with its origin (D-49)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from msgspec import NODEFAULT

from wework_message.adapters.sql.core.database_kind import DatabaseAddressError
from wework_message.adapters.sql.database_kinds import read_java_url
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError, UnknownSettingError
from wework_message.bootstrap.settings.foreign import Stray, foreign_variables
from wework_message.bootstrap.settings.redis_address import PARTS, PREFIX, RedisPartError, redis_url, with_tls
from wework_message.bootstrap.settings.schema import (
    FALSE,
    PROVIDER_KEY,
    PROVIDER_PREFIX,
    PROVIDERS,
    TRUE,
    Value,
    is_section,
    known_leaves,
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

_PROVIDER_NAMES: Final = {BUILT_IN_PROVIDER: "广州孤星"}
_QUEUE_TLS: Final = dict.fromkeys(TRUE, "verify-endpoints") | dict.fromkeys(FALSE, "off") | {"none": "off", "": "off"}
"""`rocketmq.tls` was a switch."""
_JSON_FORMATS: Final = frozenset({"ecs", "gelf", "logstash"})
"""Spring's structured formats: they are JSON, with other names of fields than ours."""
_LEVELS: Final = {"WARN": "WARNING", "TRACE": "DEBUG", "FATAL": "CRITICAL"}


class OriginKind(StrEnum):
    """What kind of source a value comes from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    PROFILE_FILE = "profile file"
    NACOS = "nacos"
    ENVIRONMENT = "environment variable"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from; `name` is the file's path or the variable's name, empty for a default."""

    kind: OriginKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


DEFAULT: Final = Origin(OriginKind.DEFAULT)


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
                self.strays.append(Stray(key, value, str(origin)))
            else:
                names = self._names((*self.entries, *own, key))
                self.problems.append(UnknownSettingError(key, likely_keys(key, names), str(origin)))
        for key in own.keys() & alias.keys():
            self._note_clash(key, own[key], alias[key])
        # An own key that is null does not override Spring's key.
        self.entries |= own | {key: entry for key, entry in alias.items() if key not in own or own[key].value is None}

    def _note_clash(self, key: str, entry: Entry, other: Entry | None) -> None:
        """What one source says twice, and differently."""
        if other is not None and other.value not in (None, "", entry.value) and entry.value not in (None, ""):
            self.notes.append(
                f"{key} is there under two names with two values; that of {entry.origin} counts, not that of {other.origin}"
            )

    def add_variables(self, environ: Mapping[str, str], known: Collection[str]) -> None:
        """Take the variables of other services; `known` are those that set something here."""
        for variable, key in foreign_variables(environ):
            if variable not in known:
                origin = Origin(OriginKind.ENVIRONMENT, variable)
                self.strays.append(Stray(variable, environ[variable], str(origin), key))

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


@dataclass(frozen=True, slots=True)
class Effective:
    """Every setting with its checked value and its origin."""

    values: Mapping[str, object]
    """A value that is not allowed is the default's."""
    origins: Mapping[str, Origin]
    problems: Sequence[SettingsError]
    """Values that are not allowed, with the key, what is allowed, and the source."""


def merge(sources: Sources, stand_ins: Mapping[str, str]) -> Effective:
    """The settings in force. Raises `InvalidSettingError` for a provider's name that cannot be used.

    `stand_ins` are values for keys that are null or not given.
    """
    entries = dict(sources.entries)
    names = sources.providers() or [BUILT_IN_PROVIDER]
    problems: list[SettingsError] = []
    for step in (
        partial(_compose_redis, entries, sources.notes),
        partial(_translate_database, entries, sources.notes),
        partial(_translate, entries),
    ):
        try:
            step()
        except SettingsError as error:
            problems.append(error)
    problems += _name_providers(entries, names)
    for key, text in stand_ins.items():
        if key not in entries or not entries[key].value:
            entries[key] = Entry(text, DEFAULT)
    values: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    for key, leaf in known_leaves(names).items():
        entry = entries.get(key, Entry(leaf.default, DEFAULT))
        origins[key] = entry.origin
        try:
            values[key] = entry.value if entry.value is leaf.default else leaf.convert(entry.value)
        except ValueError as error:
            problems.append(InvalidSettingError(key, f"{error} ({entry.origin})"))
            values[key] = _code_of(provider_of(key) or "") if leaf.default is NODEFAULT else leaf.default
    return Effective(MappingProxyType(values), MappingProxyType(origins), problems)


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


def _compose_redis(entries: dict[str, Entry], notes: list[str]) -> None:
    parts = {part: entries.pop(f"{PREFIX}{part}") for part in PARTS if f"{PREFIX}{part}" in entries}
    texts = {part: str(entry.value) for part, entry in parts.items() if entry.value not in (None, "")}
    host, url = parts.get("host"), entries.get("redis.url")
    try:
        if url is not None and url.value and (host is None or "host" not in texts or url.rank >= host.rank):
            entries["redis.url"] = Entry(with_tls(str(url.value), texts), url.origin, url.rank)
        elif (text := redis_url(texts)) is not None and host is not None:
            entries["redis.url"] = Entry(text, host.origin, host.rank)
        elif parts:
            notes.append(f"spring.data.redis.{', '.join(sorted(parts))} has no effect without spring.data.redis.host")
    except RedisPartError as error:
        raise InvalidSettingError(f"{PREFIX}{error.part}", f"{error} ({parts[error.part].origin})") from None


def _translate(entries: dict[str, Entry]) -> None:
    """Java's spellings of values into ours."""
    if (link := entries.get("rocketmq.tls.mode")) is not None:
        entries["rocketmq.tls.mode"] = Entry(
            _QUEUE_TLS.get(str(link.value).lower(), link.value), link.origin, link.rank
        )
    level = entries.get("logging.level")
    if level and isinstance(level.value, str):
        word = level.value.strip().upper()
        entries["logging.level"] = Entry(_LEVELS.get(word, word), level.origin, level.rank)
    form = entries.get("logging.format")
    if form and isinstance(form.value, str):
        word = form.value.strip().lower()
        entries["logging.format"] = Entry("json" if word in _JSON_FORMATS else word, form.origin, form.rank)
    join_imports(entries)
    path = entries.get("server.context-path")
    if path and isinstance(path.value, str):
        entries["server.context-path"] = Entry(path.value.rstrip("/"), path.origin, path.rank)


def join_imports(entries: dict[str, Entry]) -> None:
    """`spring.config.import` may be a list."""
    imports = entries.get("nacos.config.imports")
    if imports and isinstance(imports.value, list):
        text = ",".join(str(location) for location in imports.value)
        entries["nacos.config.imports"] = Entry(text, imports.origin, imports.rank)


def _translate_database(entries: dict[str, Entry], notes: list[str]) -> None:
    """Java's URL into ours. A URL that demands an encrypted link gets one, with its certificate checked, unless a source as strong gives `datasource.tls.mode`."""
    url = entries.get("datasource.url")
    if url is None or not isinstance(url.value, str):
        return
    try:
        jdbc = read_java_url(url.value)
    except DatabaseAddressError as error:
        del entries["datasource.url"]
        raise InvalidSettingError("datasource.url", f"{error} ({url.origin})") from None
    if jdbc is None:
        return
    entries["datasource.url"] = Entry(jdbc.url, url.origin, url.rank)
    if jdbc.ignored:
        notes.append(f"datasource.url: JDBC options without effect: {', '.join(jdbc.ignored)} ({url.origin})")
    mode = entries.get("datasource.tls.mode")
    if jdbc.demands_tls and (mode is None or not mode.value or mode.rank < url.rank):
        entries["datasource.tls.mode"] = Entry("verify", url.origin, url.rank)


def _name_providers(entries: dict[str, Entry], names: list[str]) -> Iterator[InvalidSettingError]:
    """Code and name of a provider follow from its key unless they are given. Yields a problem per code of two providers."""
    codes: dict[str, str] = {}
    for name in names:
        prefix = f"{PROVIDERS}.{name}"
        code = entries.get(f"{prefix}.code")
        if code is None or not code.value:
            code = entries[f"{prefix}.code"] = Entry(_code_of(name), DEFAULT)
        label = entries.get(f"{prefix}.name")
        if label is None or not label.value:
            entries[f"{prefix}.name"] = Entry(_PROVIDER_NAMES.get(name, code.value), DEFAULT)
        if (owner := codes.setdefault(str(code.value), name)) != name:
            yield InvalidSettingError(f"{prefix}.code", f"provider {owner} has the same code")


def _code_of(provider: str) -> str:
    return provider.upper().replace("-", "_")
