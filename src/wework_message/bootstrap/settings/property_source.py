"""What one document, one file or the environment says, and how placeholders look names up in it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from wework_message.bootstrap.settings.effective import Origin
from wework_message.bootstrap.settings.flattening import Pairs, settings_in
from wework_message.bootstrap.settings.placeholders import LiteralText, Lookup, Property
from wework_message.bootstrap.settings.relaxed import elements, uniform, variable_forms
from wework_message.bootstrap.settings.schema import Value

_CANONICAL: Final = re.compile(r"[a-z][a-z0-9-]*([.\[][a-z0-9\].\[-]*)?")
"""A name in the form in which it is looked up relaxed; any other is looked up as it is written."""

Written: TypeAlias = Mapping[str, Value]
"""Values by the name that somebody wrote."""


@dataclass(frozen=True)
class PropertySource:
    """One source; values with their placeholders as they are written."""

    settings: Mapping[str, tuple[Value, Origin]] = field(repr=False)
    """By key, with maps and lists as one value each."""
    written: Written = field(repr=False)
    origin: Origin
    """Of the source as a whole."""
    by_variable: bool = False
    """Whether names are those of variables."""
    plain: Mapping[tuple[str, ...], str] = field(init=False, repr=False)
    """The written name by what counts of it."""

    def __post_init__(self) -> None:
        """Index the names; the first one of several wins."""
        plain: dict[tuple[str, ...], str] = {}
        for name in self.written:
            plain.setdefault(_plain(name.replace("_", ".") if self.by_variable else name), name)
        object.__setattr__(self, "plain", plain)

    @property
    def strict(self) -> bool:
        """Whether a placeholder that nothing fills is an error."""
        return self.origin.strict

    def value(self, key: str) -> Value:
        """What it says for `key`, or None."""
        return self.settings[key][0] if key in self.settings else None

    def text(self, name: str) -> Property | None:
        """What a placeholder with `name` stands for, or None."""
        for written in self._names(name):
            value = self.written.get(written)
            if isinstance(value, str) and not isinstance(value, LiteralText):
                return Property(value, self.strict)
            if written in self.written and value is None:
                return Property("", self.strict)
        return None

    def _names(self, name: str) -> Iterable[str]:
        yield name
        if _CANONICAL.fullmatch(name):
            if self.by_variable:
                yield from variable_forms(name)
            if (written := self.plain.get(_plain(name))) is not None:
                yield written


def _plain(name: str) -> tuple[str, ...]:
    return tuple(uniform(element) for element in elements(name))


def source_of(pairs: Pairs, origin: Origin) -> PropertySource:
    """The source of these values; raises `SettingsFileError` where two names mean one key."""
    settings = settings_in(pairs, str(origin.name or origin.kind))
    return PropertySource({key: (value, origin) for key, value in settings.items()}, dict(pairs), origin)


def strongest_with(key: str, sources: Sequence[PropertySource]) -> PropertySource | None:
    """The strongest of `sources`, weakest first, that says more for `key` than an empty value; None where none does."""
    return next((source for source in reversed(sources) if source.value(key)), None)


def lookup_in(sources: Sequence[PropertySource]) -> Lookup:
    """Looks a name up in `sources`, which are given from the weakest to the strongest.

    Spring Boot 3.2, "Property Placeholders": the strongest source that has the name counts.
    """

    def look(name: str) -> Property | None:
        return next((text for source in reversed(sources) if (text := source.text(name)) is not None), None)

    return look
