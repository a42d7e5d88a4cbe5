"""Spring's names of our settings, and the Spring sections that have no meaning here (D-49)."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from wework_message.bootstrap.settings.nacos import OWN, SPRING
from wework_message.bootstrap.settings.schema import known_leaves, leaf_of, section_names

PROFILES_KEY: Final = "spring.profiles.active"

ALIASES: Final = {
    "spring.application.name": "nacos.application-name",
    "spring.config.import": "nacos.config.imports",
    "spring.datasource.url": "datasource.url",
    "spring.datasource.username": "datasource.username",
    "spring.datasource.password": "datasource.password",
    "spring.data.redis.url": "redis.url",
    "server.servlet.context-path": "server.context-path",
    "logging.level.root": "logging.level",
    "logging.structured.format.console": "logging.format",
    "logging.logback.rollingpolicy.max-file-size": "logging.file.max-size",
    "logging.logback.rollingpolicy.max-history": "logging.file.max-history",
    "logging.logback.rollingpolicy.total-size-cap": "logging.file.total-size-cap",
    "rocketmq.tls": "rocketmq.tls.mode",
} | {f"{SPRING}{key}": key for key in known_leaves(()) if key.startswith("nacos.") and key not in OWN}
"""Spring's key, or one that was ours -> ours; ours wins within one source."""

REDIS_PARTS: Final = tuple(
    f"spring.data.redis.{part}" for part in ("host", "port", "username", "password", "database", "ssl.enabled")
)
"""The pieces of a Redis address, from which `redis.url` is built."""

_IGNORED: Final = (
    "spring",
    "management",
    "server.tomcat",
    "server.netty",
    "server.jetty",
    "server.undertow",
    "server.shutdown",
    "server.compression",
    "server.http2",
    "server.error",
    "server.servlet",
    "server.reactive",
    "logging.level",
    "logging.pattern",
    "logging.logback",
    "logging.config",
    "logging.charset",
    "logging.structured",
)
"""Keys of Spring inside sections that we have too."""

_MISPLACED: Final = {"message": "app.message", "wework": "app.wework", "providers": "app.wework.providers"}
"""Our sections that may be written without their parents by mistake."""


def setting_of(key: str) -> str:
    """Our name of a setting."""
    return ALIASES.get(key, key)


def is_setting(key: str) -> bool:
    """Whether a value under `key` has a meaning here, under our name or Spring's."""
    return leaf_of(key) is not None or key in ALIASES or key in REDIS_PARTS or key == PROFILES_KEY


def ignored_section(key: str) -> str | None:
    """The Spring section that `key` belongs to and that has no effect here; None where `key` must be one of ours."""
    words = key.split(".")
    top = words[0]
    if key.startswith(f"{SPRING}nacos."):
        return key  # which of them has no effect matters to whoever has Nacos
    if top == "spring":
        return ".".join(words[: 3 if words[1:2] in (["datasource"], ["data"]) else 2])
    for section in _IGNORED:
        if key == section or key.startswith(f"{section}."):
            return section
    if top in section_names() or top in _MISPLACED or get_close_matches(top, section_names(), n=1, cutoff=0.8):
        return None
    return top


def likely_keys(key: str, known_keys: Iterable[str]) -> list[str]:
    """The keys that a misspelt `key` may have meant: its sections corrected, then all of `known_keys`."""
    top, dot, path = key.partition(".")
    if top in _MISPLACED:
        return [f"{_MISPLACED[top]}{dot}{path}"]
    return [*known_keys, *section_names()]
