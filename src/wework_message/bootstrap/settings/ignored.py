"""Keys without meaning here, as a person and a program are told of them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key, or a variable, without meaning here."""

    key: str
    origin: str
    """Its source."""
    advice: str
    """What to do about it."""

    @property
    def document(self) -> dict[str, str]:
        """For a program."""
        return {"key": self.key, "origin": self.origin, "advice": self.advice}


def remarks(ignored: Iterable[Ignored]) -> list[str]:
    """A line per advice and source, with every key that it is for."""
    lines: dict[tuple[str, str], list[str]] = {}
    for item in ignored:
        lines.setdefault((item.advice, item.origin), []).append(item.key)
    return [f"{', '.join(keys)}: {advice} ({origin})" for (advice, origin), keys in lines.items()]
