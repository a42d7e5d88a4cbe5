"""Spring's names of our settings, and the Spring sections that have no meaning here (D-49)."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from wework_message.bootstrap.settings.foreign import foreign_key
from wework_message.bootstrap.settings.nacos import OWN, SPRING
from wework_message.bootstrap.settings.redis_address import PARTS, PREFIX
from wework_message.bootstrap.settings.schema import is_section, known_leaves, leaf_of, section_names

PROFILES_KEY: Final = "spring.profiles.active"

ALIASES: Final = {
    "spring.application.name": "nacos.application-name",
    "spring.config.import": "nacos.config.imports",
    "spring.datasource.url": "datasource.url",
    "spring.datasource.username": "datasource.username",
    "spring.datasource.password": "datasource.password",
    "spring.data.redis.url": "redis.url",
    "server.address": "server.host",
    "server.servlet.context-path": "server.context-path",
    "spring.webflux.base-path": "server.context-path",
    "logging.level.root": "logging.level",
    "logging.structured.format.console": "logging.format",
    "logging.logback.rollingpolicy.max-file-size": "logging.file.max-size",
    "logging.logback.rollingpolicy.max-history": "logging.file.max-history",
    "logging.logback.rollingpolicy.total-size-cap": "logging.file.total-size-cap",
    "rocketmq.tls": "rocketmq.tls.mode",
    "rocketmq.producer.access-key": "rocketmq.access-key",
    "rocketmq.producer.namespace": "rocketmq.namespace",
    "rocketmq.producer.secret-key": "rocketmq.secret-key",
    "rocketmq-native.name-server": "rocketmq.name-server",
    "rocketmq-native.producer.group": "rocketmq.producer.group",
    "rocketmq-native.producer.send-message-timeout": "rocketmq.producer.send-message-timeout",
    "rocketmq-native.producer.retry-times-when-send-failed": "rocketmq.producer.retry-times-when-send-failed",
} | {f"{SPRING}{key}": key for key in known_leaves(()) if key.startswith("nacos.") and key not in OWN}
"""Spring's key, or one that was ours -> ours; ours wins within one source."""

REDIS_PARTS: Final = tuple(f"{PREFIX}{part}" for part in PARTS)
"""The pieces of a Redis address, from which `redis.url` is built."""

_MISPLACED: Final = {"providers": "app.wework.providers"}
"""A section of ours that may be written without its parents by mistake; others are in `FOREIGN`."""


def setting_of(key: str) -> str:
    """Our name of a setting."""
    return ALIASES.get(key, key)


def is_setting(key: str) -> bool:
    """Whether a value under `key` has a meaning here, under our name or Spring's."""
    return leaf_of(key) is not None or key in ALIASES or key in REDIS_PARTS or key == PROFILES_KEY


def ignored_section(key: str) -> str | None:
    """The section that `key` belongs to and that has no effect here; None where `key` must be one of ours."""
    words = key.split(".")
    top = words[0]
    if key.startswith(f"{SPRING}nacos."):
        return key  # which of them has no effect matters to whoever has Nacos
    if top == "spring":
        return ".".join(words[: 3 if words[1:2] in (["datasource"], ["data"]) else 2])
    if likely_key(key) is not None:
        return None
    if (entry := foreign_key(key)) is not None:
        return entry.key
    if top in section_names() or top in _MISPLACED or get_close_matches(top, section_names(), n=1, cutoff=0.8):
        return None
    return top


def likely_key(key: str) -> str | None:
    """What `key` means where it lacks its parents or has a slip in them; None where no section of ours is meant."""
    entry = foreign_key(key)
    section, ours = (key.partition(".")[0], None) if entry is None else (entry.key, entry.ours)
    ours = ours or _MISPLACED.get(section)
    if ours is None:
        return None
    below = key.removeprefix(section)
    begun = ".".join(f"{ours}{below}".split(".")[: ours.count(".") + 2])
    return f"{ours}{below}" if leaf_of(begun) is not None or is_section(begun) else None


def likely_keys(key: str, known_keys: Iterable[str]) -> list[str]:
    """The keys that a misspelt `key` may have meant, of `known_keys`: itself in its place, or all of them."""
    names = [*known_keys, *section_names()]
    meant = likely_key(key)
    return [meant] if meant is not None and (leaf_of(meant) is not None or is_section(meant)) else names
