"""The operator's screen: whatever is printed is text, and no text can move the cursor, colour something or pretend to be a line.

Messages, provider's texts and errors of servers are written by strangers. A stranger's escape sequence could set the title of
the window, overwrite what stands above or put a text on the clipboard; rich's markup could do part of that as well.
"""

import logging
import sys
import unicodedata
from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

PIPED_WIDTH: Final = 160
"""Columns where the output is no terminal: wide enough that no id is cut."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls (C0, DEL, C1), formatting such as bidirectional overrides and zero-width characters, surrogates, line separators."""


_CUT: Final = "\N{HORIZONTAL ELLIPSIS}"
"""What rich puts where it cuts a cell."""


def visible(text: object) -> str:
    r"""`text` on one line: each invisible character as its escape, such as ``\x1b``, ``\u202e`` or ``\n``.

    So are characters that standard output has no bytes for, as those of Chinese in an ASCII terminal: tables stay in line.
    """
    shown = str(text)
    return shown if shown.isprintable() and _fits(shown) else "".join(_escaped(character) for character in shown)


def visible_lines(text: object) -> list[str]:
    """The lines of a text that may have several, each as by `visible`."""
    return [visible(line) for line in str(text).replace("\r\n", "\n").split("\n")]


def harmless_json(document: str) -> str:
    """The same JSON document: invisible characters as JSON's own escapes, its line feeds as they are."""
    return document if document.isascii() and "\x7f" not in document else "".join(map(_json_escaped, document))


def _escaped(character: str) -> str:
    hidden = unicodedata.category(character) in _INVISIBLE or not _fits(character)
    return character.encode("unicode_escape").decode() if hidden else character


def _fits(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _json_escaped(character: str) -> str:
    if character == "\n" or unicodedata.category(character) not in _INVISIBLE:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


class Terminal(Console):
    """Standard output or error, coloured where it is a terminal; a string is never markup."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Wider than usual where it is no terminal."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=False)
        if not self.is_terminal:
            self.width = max(self.width, PIPED_WIDTH)

    def print_line(self, *parts: str | tuple[str, str] | Text) -> None:
        """Print one line that is not wrapped, whatever the parts hold; a tuple is a text with its style."""
        made = Text()
        for part in parts:
            text, style = part if isinstance(part, tuple) else (part, "")
            made.append_text(text if isinstance(text, Text) else Text(visible(text), style=style))
        self.print(made, soft_wrap=True)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich's, and the last guard: what reached it unescaped is escaped here, but for line feeds."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text == "\n" or (segment.text.isprintable() and _fits(segment.text)):
                yield segment
            else:
                cut = segment.text if _fits(_CUT) else segment.text.replace(_CUT, "~")
                yield Segment("\n".join(map(visible, cut.split("\n"))), segment.style)


class Grid(Table):
    """A table whose cells are single lines, but for a `Text` that was made of several."""

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        """As rich's; a string is escaped."""
        shown = [visible(cell) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*shown, style=style, end_section=end_section)


class VisibleFormatter(logging.Formatter):
    """Lines of the standard library's logging, where a command prints them because nothing else does."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without a traceback: it may quote content."""
        return visible(record.getMessage())
