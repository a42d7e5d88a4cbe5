"""Environment over profile file over file over default, every value with its origin (D-49)."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from wework_message.adapters.host_names import host_and_port, is_host
from wework_message.adapters.sql.database_kinds import JDBC
from wework_message.bootstrap.settings.errors import InvalidSettingError, UnknownSettingError
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
_JDBC: Final = re.compile(rf"jdbc:(?P<name>{'|'.join(JDBC)})://(?P<address>[^?]*)(?:\?(?P<options>.*))?", re.DOTALL)
_JDBC_TLS: Final = re.compile(
    r"sslMode=(required|verify[_-]ca|verify[_-]identity|verify-full|trust)|(useSSL|requireSSL)=true", re.IGNORECASE
)
"""Options of MySQL's and MariaDB's drivers with which a Java service does not go on in clear text."""
_QUEUE_TLS: Final = dict.fromkeys(TRUE, "verify-endpoints") | dict.fromkeys(FALSE, "off") | {"none": "off", "": "off"}
"""`rocketmq.tls` was a switch."""
_JSON_FORMATS: Final = frozenset({"ecs", "gelf", "logstash"})
"""Spring's structured formats: they are JSON, with other names of fields than ours."""
_LEVELS: Final = {"WARN": "WARNING", "TRACE": "DEBUG", "FATAL": "CRITICAL"}

_REDIS_ADDRESS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "host": ("the name or the address of a machine, without port and brackets", is_host),
    "port": ("a whole number from 1 to 65535", lambda port: host_and_port(f"localhost:{port}")),
    "database": ("a whole number from 0 to 9999", re.compile("[0-9]{1,4}").fullmatch),
}
"""What the pieces of a Redis address may be."""


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
    ignored: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    _rank: int = 0

    def add(self, values: Iterable[tuple[str, Value, Origin]]) -> None:
        """Take one source; raises `UnknownSettingError` for a key of ours that does not exist."""
        self._rank += 1
        own: dict[str, Entry] = {}
        alias: dict[str, Entry] = {}
        for key, value, origin in values:
            entry = Entry(value, origin, self._rank)
            if key in ALIASES:
                alias[ALIASES[key]] = entry
            elif is_setting(key):
                own[key] = entry
            elif is_section(key) and value is None:
                own |= {key: entry} if provider_of(key) else {}
            elif is_section(key):
                raise InvalidSettingError(key, f"is a section of settings, not a value ({origin})")
            elif section := ignored_section(key):
                self.ignored.add(section)
            else:
                names = self._names((*self.entries, *own, key))
                raise UnknownSettingError(key, likely_keys(key, names), str(origin))
        # An own key that is null does not override Spring's key.
        self.entries |= own | {key: entry for key, entry in alias.items() if key not in own or own[key].value is None}

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
    origins: Mapping[str, Origin]


def merge(sources: Sources, stand_ins: Mapping[str, str]) -> Effective:
    """The settings in force; raises `InvalidSettingError` with the key, what is allowed, and the source.

    `stand_ins` are values for keys that are null or not given.
    """
    entries = dict(sources.entries)
    names = sources.providers() or [BUILT_IN_PROVIDER]
    _compose_redis(entries, sources.notes)
    _translate(entries, sources.notes)
    _name_providers(entries, names)
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
            raise InvalidSettingError(key, f"{error} ({entry.origin})") from None
    return Effective(MappingProxyType(values), MappingProxyType(origins))


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
    parts = {key.removeprefix("spring.data.redis."): entries.pop(key) for key in REDIS_PARTS if key in entries}
    host, url = parts.get("host"), entries.get("redis.url")
    if host is None or not host.value:
        if parts:
            notes.append(f"spring.data.redis.{', '.join(sorted(parts))} has no effect without spring.data.redis.host")
        return
    if url is not None and url.value and url.rank >= host.rank:
        return

    def text(part: str, default: str) -> str:
        entry = parts.get(part)
        return str(entry.value) if entry and entry.value else default

    for part, (allowed, check) in _REDIS_ADDRESS.items():
        if (entry := parts.get(part)) is not None and entry.value and not check(str(entry.value)):
            raise InvalidSettingError(f"spring.data.redis.{part}", f"must be {allowed} ({entry.origin})")
    userinfo = quote(text("username", ""), safe="")
    if password := text("password", ""):
        userinfo += f":{quote(password, safe='')}"
    name = text("host", "")
    address = f"{f'{userinfo}@' if userinfo else ''}{f'[{name}]' if ':' in name else name}:{text('port', '6379')}"
    scheme = "rediss" if text("ssl.enabled", "").strip().lower() in TRUE else "redis"
    entries["redis.url"] = Entry(f"{scheme}://{address}/{text('database', '0')}", host.origin, host.rank)


def _translate(entries: dict[str, Entry], notes: list[str]) -> None:
    """Java's spellings of values into ours."""
    url = entries.get("datasource.url")
    if url and isinstance(url.value, str) and (jdbc := _JDBC.fullmatch(url.value)):
        entries["datasource.url"] = Entry(f"{JDBC[jdbc['name']].name}://{jdbc['address']}", url.origin, url.rank)
        if options := [option.partition("=")[0] for option in (jdbc["options"] or "").split("&") if option]:
            notes.append(f"datasource.url: JDBC options without effect: {', '.join(options)} ({url.origin})")
        _take_tls(entries, jdbc["options"] or "", url)
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


def _take_tls(entries: dict[str, Entry], options: str, url: Entry) -> None:
    """A JDBC URL that demands an encrypted link gets one, with its certificate checked, unless a source as strong gives `datasource.tls.mode`."""
    demands = [option for option in options.split("&") if _JDBC_TLS.fullmatch(option)]
    mode = entries.get("datasource.tls.mode")
    if demands and (mode is None or not mode.value or mode.rank < url.rank):
        entries["datasource.tls.mode"] = Entry("verify", url.origin, url.rank)


def _name_providers(entries: dict[str, Entry], names: list[str]) -> None:
    """Code and name of a provider follow from its key unless they are given."""
    codes: dict[str, str] = {}
    for name in names:
        prefix = f"{PROVIDERS}.{name}"
        code = entries.get(f"{prefix}.code")
        if code is None or not code.value:
            code = entries[f"{prefix}.code"] = Entry(name.upper().replace("-", "_"), DEFAULT)
        label = entries.get(f"{prefix}.name")
        if label is None or not label.value:
            entries[f"{prefix}.name"] = Entry(_PROVIDER_NAMES.get(name, code.value), DEFAULT)
        if (owner := codes.setdefault(str(code.value), name)) != name:
            raise InvalidSettingError(f"{prefix}.code", f"provider {owner} has the same code")
