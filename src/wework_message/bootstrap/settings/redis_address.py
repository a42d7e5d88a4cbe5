"""`redis.url` from the pieces that Spring has in keys of their own."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from wework_message.adapters.host_names import PORTS, is_host
from wework_message.bootstrap.settings.schema import FALSE, TRUE

PREFIX: Final = "spring.data.redis."
PARTS: Final = ("host", "port", "username", "password", "database", "ssl.enabled")
_DATABASES: Final = range(1_000_001)
_CLEAR: Final = "redis://"


class RedisPartError(ValueError):
    """A piece that cannot be used; `part` is its key below `spring.data.redis`. The text never contains the value."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


def redis_url(parts: Mapping[str, str]) -> str | None:
    """The URL of `parts`, which are not empty; None without a host. Raises `RedisPartError`."""
    encrypted = is_encrypted(parts)
    if (host := parts.get("host")) is None:
        if encrypted:
            raise RedisPartError(
                "ssl.enabled",
                "asks for an encrypted link, and no Redis is named: set spring.data.redis.host, or remove it",
            )
        return None
    port = _number(parts, "port", "6379", PORTS)
    database = _number(parts, "database", "0", _DATABASES)
    if not is_host(host.removeprefix("[").removesuffix("]")):
        raise RedisPartError("host", "must be the name or the address of one host; the port has a key of its own")
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    userinfo = quote(parts.get("username", ""), safe="")
    if password := parts.get("password"):
        userinfo += f":{quote(password, safe='')}"
    return f"{'rediss' if encrypted else 'redis'}://{f'{userinfo}@' if userinfo else ''}{host}:{port}/{database}"


def with_tls(url: str, parts: Mapping[str, str]) -> str:
    """`url` encrypted where `ssl.enabled` asks for that; a URL alone may ask as well. Raises `RedisPartError`."""
    return f"rediss://{url.removeprefix(_CLEAR)}" if is_encrypted(parts) and url.startswith(_CLEAR) else url


def is_encrypted(parts: Mapping[str, str]) -> bool:
    """Whether `ssl.enabled` is true. Raises `RedisPartError`."""
    word = parts.get("ssl.enabled", "false").strip().lower()
    if word not in TRUE | FALSE:
        raise RedisPartError("ssl.enabled", "must be true or false")
    return word in TRUE


def _number(parts: Mapping[str, str], part: str, usual: str, allowed: range) -> str:
    text = parts.get(part, usual).strip()
    if re.fullmatch(r"[0-9]{1,7}", text) is None or int(text) not in allowed:
        raise RedisPartError(part, f"must be a whole number from {allowed[0]} to {allowed[-1]}")
    return text
