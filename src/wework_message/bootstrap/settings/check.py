"""``config check``: the settings in force, secrets masked, with the origin of each and the effect of the Java keys."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from unicodedata import east_asian_width

import msgspec

from wework_message.bootstrap.protocols import find_protocol
from wework_message.bootstrap.settings.effective import nested
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.ignored import remarks
from wework_message.bootstrap.settings.loading import Loaded
from wework_message.bootstrap.settings.providers import ProviderSettings
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX
from wework_message.bootstrap.settings.secrets import Secret
from wework_message.bootstrap.settings.validation import start_problems

EFFECTS: Final = MappingProxyType(
    {
        "app.message.async.core-pool-size": "accepted, no effect",
        "app.message.async.max-pool-size": "provider calls in flight per process",
        "app.message.async.enabled": "false: the async route answers 503",
        "app.message.retry.max-attempts": "quick tries; used up and provably unsent, a message waits, it does not fail",
        "app.message.retry.delay-ms": "first backoff, ms",
        "app.message.limits.rate-limit-per-minute": "per account; what is over waits",
        "rocketmq.producer.group": "native transport only",
        "rocketmq.producer.send-message-timeout": "client request timeout, rounded up to seconds",
        "rocketmq.producer.retry-times-when-send-failed": "publish tries before the sweeper",
    }
)
"""The effect of keys that the Java service had (D-42, D-47, D-55 and D-60)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as ``config check`` shows it; `value` is masked and a JSON scalar or map."""

    key: str
    value: object
    origin: str
    variable: str
    effect: str


def check_rows(loaded: Loaded) -> tuple[Row, ...]:
    """Every setting in the order of the tree."""
    return tuple(
        Row(key, value, str(loaded.origins[key]), variable_of(key), EFFECTS.get(key, ""))
        for key, value in _values(loaded).items()
    )


def check_document(loaded: Loaded) -> dict[str, object]:
    """The same as one document that `json` can write, with warnings and the problems that would stop the start."""
    rows = check_rows(loaded)
    return {
        "profile": loaded.profile or None,
        "files": list(loaded.files),
        "listen": f"{loaded.listen_host}:{loaded.settings.server.port}",
        "settings": nested({row.key: row.value for row in rows}),
        "origins": {row.key: row.origin for row in rows},
        "effects": {row.key: row.effect for row in rows if row.effect},
        "ignored": [key.document for key in loaded.ignored],
        "warnings": list(loaded.warnings),
        "problems": [str(problem) for problem in start_problems(loaded.settings, loaded.profile)],
    }


def render_check(loaded: Loaded) -> str:
    """The same as a text for a terminal: key, value, origin, effect."""
    rows = check_rows(loaded)
    cells = [(row.key, _shown(row.value), row.origin, f"# {row.effect}" if row.effect else "") for row in rows]
    widths = [max(_width(row[column]) for row in cells) for column in range(3)]
    lines = [f"profile: {loaded.profile or 'none'}", f"files:   {', '.join(loaded.files) or 'none'}", ""]
    lines += [
        "  ".join((*(_padded(cell, width) for cell, width in zip(row, widths, strict=False)), row[3])).rstrip()
        for row in cells
    ]
    lines += [f"no meaning here: {key}" for key in remarks(loaded.ignored)]
    lines += [f"warning: {warning}" for warning in loaded.warnings]
    lines += [f"stops the start: {problem}" for problem in start_problems(loaded.settings, loaded.profile)]
    return "\n".join(lines)


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(cell: str) -> int:
    """Columns in a terminal: Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in cell)


def _values(loaded: Loaded) -> dict[str, object]:
    masked = {key: _masked(_value(loaded.settings, key.split("."))) for key in loaded.origins}
    options = {
        f"{PROVIDER_PREFIX}{name}.options": _shown_options(provider)
        for name, provider in loaded.settings.app.wework.providers.items()
    }
    return masked | options


def _shown_options(provider: ProviderSettings) -> dict[str, str]:
    """Options are masked unless the protocol says that they are no secrets."""
    protocol = find_protocol(provider.protocol)
    return {
        name: str(option) if protocol is None or name in protocol.secret_options else option.reveal()
        for name, option in provider.options.items()
    }


def _value(section: object, path: list[str]) -> object:
    for name in path:
        if isinstance(section, msgspec.Struct):
            fields = zip(section.__struct_encode_fields__, section.__struct_fields__, strict=True)
            section = getattr(section, dict(fields)[name])
        elif isinstance(section, MappingProxyType):
            section = section[name]
    return section


def _masked(value: object) -> object:
    if isinstance(value, Secret):
        return str(value)
    return {code: str(outcome) for code, outcome in value.items()} if isinstance(value, dict) else value


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode() if not isinstance(value, str) or not value else value
