"""The glossary and the page of the architecture show what the code has, and nothing else."""

import re
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
GLOSSARY: Final = DOCS / "glossary.md"

ROW: Final = re.compile(r'^\| <a id="([\w-]+)"></a>([^|]+) \| ([^|]+) \| `([^`]+)` \|$', re.MULTILINE)
"""Anchor, word, meaning, name in the code."""


@cache
def words_of_the_code() -> frozenset[str]:
    return frozenset(
        word
        for path in (ROOT / "src").rglob("*.py")
        for word in re.findall(r"\w+", path.read_text("utf-8"))
    )  # fmt: skip


def test_every_row_of_the_glossary_has_an_anchor_a_meaning_and_a_name() -> None:
    page = GLOSSARY.read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| word", "| ---"))]
    assert len(rows) > 60
    assert [line for line in rows if not ROW.fullmatch(line)] == []
    anchors = [anchor for anchor, *_ in ROW.findall(page)]
    assert sorted(set(anchors)) == sorted(anchors)


def test_the_glossary_names_what_the_code_has() -> None:
    names = [name for *_, name in ROW.findall(GLOSSARY.read_text("utf-8"))]
    assert [name for name in names if name not in words_of_the_code()] == []


def test_newcomers_find_the_glossary() -> None:
    pages = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/design/README.md")
    assert [page for page in pages if "glossary.md)" not in (ROOT / page).read_text("utf-8")] == []
