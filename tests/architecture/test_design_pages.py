"""The glossary and the page of the architecture show what the code has, and nothing else."""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from wework_message.adapters.sql.mapping import lease_table
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.domain.lifecycle import DECISIONS, WAITING, MessageStatus
from wework_message.domain.message.projection import CallbackProjection, Evidence

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
GLOSSARY: Final = DOCS / "glossary.md"
ARCHITECTURE: Final = DOCS / "architecture.md"

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


# -- the architecture ----------------------------------------------------------------------------------------------

EVIDENCE: Final = "evidence"
"""The node of the diagram through which statuses go that the world proves."""

Arrows = Mapping[tuple[str, str], set[str]]
"""From and to: the labels."""


def drawn() -> tuple[Arrows, set[str]]:
    """The arrows of the diagram of the statuses, and the statuses within its box of waiting ones."""
    (diagram,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", ARCHITECTURE.read_text("utf-8"), re.DOTALL)
    arrows: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for source, target, labels in re.findall(r"^ *(\S+) --> (\S+)(?: : (.+))?$", diagram, re.MULTILINE):
        arrows[source, target] |= set(labels.split(", ")) - {""}
    (box,) = re.findall(r"state waiting \{(.*?)\}", diagram, re.DOTALL)
    return arrows, set(re.findall(r"[A-Z_]+", box))


def test_the_diagram_shows_every_decision_and_no_other() -> None:
    arrows, waiting = drawn()
    assert waiting == set(WAITING)
    decided: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (source, target), labels in arrows.items():
        if EVIDENCE not in (source, target) and source != "[*]":
            for status in waiting if source == "waiting" else {source}:
                decided[status, target] |= labels
    expected: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for status, edges in DECISIONS.items():
        for trigger, after in edges.items():
            expected[status.value, after.value].add(trigger.value)
    assert decided == expected


def test_the_diagram_shows_what_evidence_proves() -> None:
    arrows, _ = drawn()
    proven = {(next(iter(labels)), target) for (source, target), labels in arrows.items() if source == EVIDENCE}
    expected = {
        (evidence.name.lower().replace("_", " "), status.value)
        for evidence in Evidence
        if (status := CallbackProjection.of([evidence])) is not None
    }
    assert proven == expected
    rows = re.findall(r"^\| ([a-z ]+) \| [^|]+ \| ([A-Z]+) \|$", ARCHITECTURE.read_text("utf-8"), re.MULTILINE)
    assert rows == sorted(rows, key=lambda row: -Evidence[row[0].upper().replace(" ", "_")])
    assert set(rows) == expected


def test_evidence_moves_every_status_that_follows_a_call() -> None:
    arrows, _ = drawn()
    after_a_call = {MessageStatus.SENDING}
    proven = {status for evidence in Evidence if (status := CallbackProjection.of([evidence])) is not None}
    while True:
        reached = after_a_call | proven | {after for status in after_a_call for after in DECISIONS[status].values()}
        if reached == after_a_call:
            break
        after_a_call = reached
    assert {source for source, target in arrows if target == EVIDENCE} == set(after_a_call)


def test_every_table_is_described_with_columns_that_it_has() -> None:
    section = ARCHITECTURE.read_text("utf-8").partition("\n## Tables\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(wm_\w+)` \| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE))
    assert lease_table.lease.metadata is metadata
    assert sorted(rows) == sorted(metadata.tables)
    columns = [(table, column) for table, keys in rows.items() for column in re.findall(r"`(\w+)`", keys)]
    assert [(table, column) for table, column in columns if column not in metadata.tables[table].columns] == []
