"""From sources to settings: Java's spellings of values, what follows from other values, and the check of each (D-49)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from msgspec import NODEFAULT

from wework_message.adapters.sql.core.database_kind import DatabaseAddressError
from wework_message.adapters.sql.database_kinds import read_java_url
from wework_message.bootstrap.settings.effective import (
    BUILT_IN_PROVIDER,
    DEFAULT,
    Entry,
    Origin,
    Sources,
    collected,
    join_imports,
)
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError
from wework_message.bootstrap.settings.redis_address import PARTS, PREFIX, RedisPartError, redis_url, with_tls
from wework_message.bootstrap.settings.schema import FALSE, PROVIDERS, TRUE, Leaf, Value, known_leaves, provider_of

_PROVIDER_NAMES: Final = {BUILT_IN_PROVIDER: "广州孤星"}
_NUMBERS: Final = ("a whole number", "a number")
_QUEUE_TLS: Final = dict.fromkeys(TRUE, "verify-endpoints") | dict.fromkeys(FALSE, "off") | {"none": "off", "": "off"}
"""`rocketmq.tls` was a switch."""
_JSON_FORMATS: Final = frozenset({"ecs", "gelf", "logstash"})
"""Spring's structured formats: they are JSON, with other names of fields than ours."""
_LEVELS: Final = {"WARN": "WARNING", "TRACE": "DEBUG", "FATAL": "CRITICAL"}


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
        with collected(problems):
            step()
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
            values[key] = (
                entry.value if entry.value is leaf.default else leaf.convert(_without_blanks(leaf, entry.value))
            )
        except ValueError as error:
            problems.append(InvalidSettingError(key, f"{error} ({entry.origin})"))
            values[key] = _code_of(provider_of(key) or "") if leaf.default is NODEFAULT else leaf.default
    return Effective(MappingProxyType(values), MappingProxyType(origins), problems)


def _without_blanks(leaf: Leaf, value: Value) -> Value:
    """Blanks around a number are none of it; properties may have some at the end of a line."""
    return value.strip() if isinstance(value, str) and leaf.allowed.startswith(_NUMBERS) else value


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


def _translate_database(entries: dict[str, Entry], notes: list[str]) -> None:
    """Java's URL into ours. A URL that demands an encrypted link gets one, with its certificate checked, unless a stronger source says `datasource.tls.mode: off`."""
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
    if not jdbc.demands_tls or (mode is not None and mode.rank > url.rank):
        return
    if mode is None or not mode.value or mode.rank < url.rank:
        entries["datasource.tls.mode"] = Entry("verify", url.origin, url.rank)
    elif mode.value == "off":
        text = f"is off, and datasource.url demands TLS: set verify, or take the demand out of the URL ({mode.origin})"
        raise InvalidSettingError("datasource.tls.mode", text)


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
