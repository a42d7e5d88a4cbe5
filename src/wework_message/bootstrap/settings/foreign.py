"""Keys of Java services that are no settings here: what to do about each, and which of them stop the start (ADR 75, D-49).

A key stops the start where going on would mean another database or queue than the one that it names, or a link in clear
text that it wants encrypted. Every other key is named with what to do about it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wework_message.bootstrap.settings.errors import ForeignSettingError
from wework_message.bootstrap.settings.foreign_keys import FOREIGN, ForeignKey, Use
from wework_message.bootstrap.settings.ignored import Ignored
from wework_message.bootstrap.settings.model import Settings
from wework_message.bootstrap.settings.schema import FALSE, TRUE

REMOVE: Final = "remove it"
"""What to do about a key that means something that is not used here."""
UNKNOWN: Final = "nothing here reads it: remove it, unless other services share the file"
"""The same for a key that nobody knows."""

_DATASOURCE: Final = ("spring", "datasource")
_OWN_DEPTH: Final = 3
"""Words of `spring.datasource.url`."""
_LOGIN: Final = frozenset({"url", "jdbcurl", "username", "password"})
_OTHER_LOGIN: Final = re.compile(
    r"SPRING_DATASOURCE_.+_(JDBC_?)?URL|SPRING_DATASOURCE_(DRUID|HIKARI)_(USERNAME|PASSWORD)"
)
_DEMANDS_TLS: Final = re.compile(r"(usessl|requiressl)=(true|yes|1)|sslmode=(required|verify|trust)")


@dataclass(frozen=True, slots=True)
class Stray:
    """A value of a key that is no setting."""

    name: str
    """The key, or the variable, as it is written."""
    value: object
    origin: object
    """Its source, for people."""
    key: str | None = None
    """The key of the entry, where `name` is a variable."""

    def with_value(self, value: object) -> "Stray":
        """The same with `value`."""
        return replace(self, value=value)

    @property
    def entry(self) -> ForeignKey | None:
        """What is known of it."""
        return foreign_key(self.key or self.name)

    @property
    def may_stop(self) -> bool:
        """Whether it may stop the start."""
        entry = self.entry
        return entry is not None and entry.use is not Use.NONE


def flat(key: str) -> str:
    """`key` without what Spring's spellings of it differ in."""
    return re.sub(r"[._\-\[\]]", "", key).lower()


def foreign_key(key: str) -> ForeignKey | None:
    """The entry for `key`, the most precise one."""
    words = [flat(word.partition("[")[0]) for word in key.split(".")]
    if len(words) > _OWN_DEPTH and tuple(words[:2]) == _DATASOURCE and words[-1] in _LOGIN:
        return _BY_WORDS[(*_DATASOURCE, "jdbcurl")]  # a pool's, or one of several
    for length in range(len(words), 0, -1):
        if (entry := _BY_WORDS.get(tuple(words[:length]))) is not None:
            return entry
    return None


def foreign_variable(variable: str) -> ForeignKey | None:
    """The same for a variable; dashes of keys are left out in it, or underscores."""
    if "." in variable:
        return foreign_key(variable)
    if variable.partition("_")[0] not in _FIRST_WORDS:
        return None
    if _OTHER_LOGIN.fullmatch(variable):
        return _BY_WORDS[(*_DATASOURCE, "jdbcurl")]
    return next((entry for pattern, entry in _PATTERNS if pattern.fullmatch(variable)), None)


def judged(strays: Sequence[Stray], settings: Settings) -> tuple[Sequence[ForeignSettingError], Sequence[Ignored]]:
    """Of keys, the strongest source last: why the service may not start with some, those of one section together, and what to do about the others."""
    in_force = {flat(stray.name): stray for stray in strays}
    sections: dict[ForeignKey | None, list[Stray]] = {}
    for stray in strays:
        sections.setdefault(stray.entry, []).append(stray)
    problems: list[ForeignSettingError] = []
    ignored: list[Ignored] = []
    for entry, members in sections.items():
        valued = [stray for stray in members if in_force[flat(stray.name)] is stray and says_something(stray.value)]
        if entry is not None and valued and _stops(entry, valued, in_force, settings):
            names = ", ".join(stray.name for stray in valued)
            problems.append(ForeignSettingError(names, f"{entry.advice} ({valued[0].origin})"))
            continue
        advice = UNKNOWN if entry is None else entry.advice if entry.use is Use.NONE else REMOVE
        # An empty variable takes back what a file says, which is no fault of its own.
        ignored += [
            Ignored(stray.name, str(stray.origin), advice)
            for stray in members
            if stray.key is None or says_something(stray.value)
        ]
    return problems, ignored


def says_something(value: object) -> bool:
    """Whether a value is more than an empty one."""
    return value not in (None, "", {}, [])


def _stops(entry: ForeignKey, members: list[Stray], strays: Mapping[str, Stray], settings: Settings) -> bool:
    words = {_word(stray) for stray in members}
    redis, rocketmq = settings.redis.url, settings.rocketmq
    switch = strays.get(flat(f"{entry.key}.enabled"))
    return {
        Use.NONE: False,
        Use.ALWAYS: True,
        Use.REDIS: redis is None,
        Use.QUEUE: rocketmq.name_server is None,
        Use.TLS_HERE: switch is None or _word(switch) not in FALSE,
        Use.REDIS_TLS: redis is not None and redis.scheme != "rediss" and not words <= FALSE,
        Use.SWITCH: bool(words & TRUE),
        Use.DATABASE_TLS: settings.datasource.tls.mode == "off" and any(map(_demands_tls, members)),
        Use.QUEUE_TLS: rocketmq.name_server is not None and rocketmq.tls.mode == "off" and bool(words & TRUE),
    }[entry.use]


def _demands_tls(stray: Stray) -> bool:
    return _DEMANDS_TLS.search(f"{stray.name}={stray.value}".lower().replace("'", "").replace(": ", "=")) is not None


def _word(stray: Stray) -> str:
    return str(stray.value).strip().lower()


def _pattern(key: str) -> re.Pattern[str]:
    words = [re.escape(word).upper().replace(r"\-", "_?") for word in key.split(".")]
    return re.compile(f"{'_'.join(words)}{'(_.+)?' if words[1:] else '_.+'}")


_BY_WORDS: Final = {tuple(flat(word) for word in entry.key.split(".")): entry for entry in FOREIGN}
_FIRST_WORDS: Final = {re.split("[.-]", entry.key.upper())[0] for entry in FOREIGN if entry.in_variables} | {
    entry.key.partition(".")[0].replace("-", "").upper() for entry in FOREIGN if entry.in_variables
}
_PATTERNS: Final = sorted(
    ((_pattern(entry.key), entry) for entry in FOREIGN if entry.in_variables), key=lambda pair: -len(pair[1].key)
)
