"""Java's properties, which Nacos has where a configuration is no YAML."""

import re
from typing import Any, Final

from wework_message.bootstrap.settings.errors import SettingsFileError

_CONTINUED: Final = re.compile(r"(?<!\\)(\\\\)*\\$")
_SEPARATOR: Final = re.compile(r"(?P<key>(?:\\.|[^\\=:\s])*)\s*[=:]?\s*(?P<value>.*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_LETTERS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def parse_properties(text: str, label: str) -> dict[str, object]:
    """The properties in `text` as a tree: dots in names are levels. Errors name `label` and the line, never a value."""
    tree: dict[str, Any] = {}
    for number, line in _logical_lines(text):
        match = _SEPARATOR.fullmatch(line)
        if match is None:  # cannot be: every text has a name, if an empty one
            continue
        _put(tree, _plain(match["key"]), _plain(match["value"].rstrip()), label, number)
    return tree


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Without comments and empty lines; a backslash at the end goes on in the next line."""
    lines: list[tuple[int, str]] = []
    begun: tuple[int, str] | None = None
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = raw.lstrip()
        if begun is None:
            if not line or line[0] in "#!":
                continue
            begun = (number, "")
        first, so_far = begun
        if _CONTINUED.search(line):
            begun = (first, so_far + line[:-1])
            continue
        lines.append((first, so_far + line))
        begun = None
    return lines if begun is None else [*lines, begun]


def _plain(text: str) -> str:
    def letter(match: re.Match[str]) -> str:
        escaped = match[1]
        return chr(int(escaped[1:], 16)) if len(escaped) > 1 else _LETTERS.get(escaped, escaped)

    return _ESCAPE.sub(letter, text)


def _put(tree: dict[str, Any], key: str, value: str, label: str, line: int) -> None:
    *parents, name = key.split(".")
    place = tree
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise SettingsFileError(label, f"key {key} stands below a value", line)
    if isinstance(place.get(name), dict):
        raise SettingsFileError(label, f"key {key} has others below it", line)
    place[name] = value
