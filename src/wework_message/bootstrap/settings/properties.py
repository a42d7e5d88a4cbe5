"""Java's properties: of `application.properties`, and of Nacos where a configuration is no YAML."""

import re
from collections.abc import Iterator
from typing import Final

_CONTINUED: Final = re.compile(r"(?<!\\)(\\\\)*\\$")
_SEPARATOR: Final = re.compile(r"(?P<key>(?:\\.|[^\\=:\s])*)\s*[=:]?\s*(?P<value>.*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_LETTERS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_COMMENT: Final = ("#", "!")
_NEW_DOCUMENT: Final = re.compile(r"[#!]---[ \t\f]*")


def parse_properties(text: str) -> list[dict[str, str]]:
    """The properties of every document in `text` by name; of a name that occurs twice the last one counts.

    A line ``#---`` or ``!---`` begins a new document, unless the line before it is a comment of the same kind, or a comment comes
    before the first property behind it (Spring Boot 3.2, "Working With Multi-Document Files"). ``name[]=a,b`` is a list.
    """
    documents: list[dict[str, str]] = [{}]
    previous = ""
    for line in _logical_lines(text):
        comment = line.lstrip()[:1]
        if comment not in _COMMENT:
            previous = ""
            documents[-1] |= _property(line)
        elif comment != previous and _NEW_DOCUMENT.fullmatch(line):
            documents += [{}] if documents[-1] else []
        else:
            if not documents[-1] and len(documents) > 1:
                documents.pop()
            previous = comment
    return [document for document in documents if document]


def _property(line: str) -> dict[str, str]:
    match = _SEPARATOR.fullmatch(line.lstrip())
    if match is None or not match["key"]:
        return {}
    name, value = _plain(match["key"]), _plain(match["value"])
    if not name.endswith("[]"):
        return {name: value}
    return {f"{name[:-2]}[{index}]": item for index, item in enumerate(value.split(","))}


def _logical_lines(text: str) -> Iterator[str]:
    """Comments are lines for themselves; a backslash at the end of others goes on in the next line."""
    begun = ""
    for raw in text.removeprefix("\ufeff").splitlines():
        line = f"{begun}{raw.lstrip()}" if begun else raw
        if _CONTINUED.search(line) and not (not begun and line.lstrip().startswith(_COMMENT)):
            begun = line[:-1]
            continue
        yield line
        begun = ""
    if begun:
        yield begun


def _plain(text: str) -> str:
    def letter(match: re.Match[str]) -> str:
        escaped = match[1]
        return chr(int(escaped[1:], 16)) if len(escaped) > 1 else _LETTERS.get(escaped, escaped)

    return _ESCAPE.sub(letter, text)
