"""Every citation in code, tests and pages resolves; docs/design/README.md explains how to cite."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DESIGN: Final = ROOT / "docs/design"
PAGES: Final = {
    "D": DESIGN / "decisions.md",
    "M": DESIGN / "domain.md",
    "W": DESIGN / "wire.md",
    "R": DESIGN / "failures.md",
    "P": DESIGN / "guxing-contract.md",
}
"""First letter of a citation: the page that holds its anchor."""

FOLDERS: Final = ("src", "tests", "docs", "bench", "examples", "scripts", "config", "docker")
SUFFIXES: Final = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".mako"}
SOURCES: Final = sorted(
    path
    for path in (*(ROOT / "Makefile", ROOT / "pyproject.toml"), *ROOT.glob("*.md"),
                 *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES))
)  # fmt: skip

CITATION: Final = re.compile(r"(?<![\w.-])([DP]-\d+|[MW]-\d+(?:\.\d+)?|R-[A-Z]\d+)(?![\w-])")
RECORD: Final = re.compile(r"\bADRs? ?0*(\d+)")
ANCHOR: Final = re.compile(r'<a id="([^"]*)"></a>')
PAGE: Final = re.compile(r"\bdocs/[\w./-]+?\.md\b")

FORMER: Final = re.compile(
    r"\bdecisions?\s+\d|\bdomain\s+[CD]\d|\breliability\s+[A-Z]\.?\d|\binvariant\s+I\d"
    r"|(?<!RFC \d{4} )\bsections?\s+\d",
    re.IGNORECASE,
)
"""Citations of documents that are not in the repository. RFCs have sections of their own."""


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> list[str]:
    return ANCHOR.findall(text_of(page))


def test_every_anchor_is_once_in_the_page_of_its_letter() -> None:
    for letter, page in PAGES.items():
        names = anchors(page)
        assert len(names) > 4
        assert [name for name in names if not (CITATION.fullmatch(name) and name.startswith(f"{letter}-"))] == []
        assert sorted(set(names)) == sorted(names)


def test_every_citation_has_an_anchor() -> None:
    known = {name for page in PAGES.values() for name in anchors(page)}
    cited = [(named(path), name) for path in SOURCES for name in CITATION.findall(text_of(path))]
    assert len(cited) > 500, "the pattern finds no citations any more"
    assert [(path, name) for path, name in cited if name not in known] == []


def test_every_record_that_is_cited_exists() -> None:
    records = {int(path.stem[:4]) for path in (ROOT / "docs/adr").glob("0*.md")}
    cited = [(named(path), int(number)) for path in SOURCES for number in RECORD.findall(text_of(path))]
    assert len(cited) > 20
    assert [(path, number) for path, number in cited if number not in records] == []


def test_every_page_that_is_named_exists() -> None:
    cited = [(named(path), page) for path in SOURCES for page in PAGE.findall(text_of(path)) if "NNNN" not in page]
    assert len(cited) > 10
    assert [(path, page) for path, page in cited if not (ROOT / page).is_file()] == []


def test_nothing_is_cited_that_is_not_in_the_repository() -> None:
    lost = [(named(path), match[0]) for path in SOURCES for match in FORMER.finditer(text_of(path))]
    assert lost == []


@pytest.mark.parametrize(
    "text", [f"decision {41}", f"(Decisions {3} and 4)", f"domain D{4}.6", f"wire section {3}", f"reliability B.{6}",
             f"provider contract\nsection {12}", f"contract (section {3})", f"invariant I{9}"],
)  # fmt: skip
def test_former_citations_are_recognised(text: str) -> None:
    assert FORMER.search(text)


def test_decisions_are_numbered_without_a_gap() -> None:
    page = PAGES["D"]
    assert anchors(page) == [f"D-{number}" for number in range(1, len(anchors(page)) + 1)]
    headings = re.findall(r'^## (D-\d+) .*<a id="(D-\d+)"></a>$', text_of(page), re.MULTILINE)
    assert [(name, name) for name in anchors(page)] == headings


def test_every_page_of_the_design_is_in_its_index() -> None:
    index = text_of(DESIGN / "README.md")
    pages = sorted(path.name for path in DESIGN.glob("*.md") if path.name != "README.md")
    assert sorted(path.name for path in PAGES.values()) == pages
    assert [page for page in pages if f"[{page}]({page})" not in index] == []
