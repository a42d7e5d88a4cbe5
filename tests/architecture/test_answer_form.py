"""Answers ask for their form in one place: a copy that forgets it would answer Java's clients in UTC (ADR 84)."""

import re
from pathlib import Path
from typing import Final

import pytest

ENTRYPOINTS: Final = Path(__file__).parents[2] / "src" / "wework_message" / "entrypoints"
MODULES: Final = sorted(path for folder in ("rest", "wire") for path in (ENTRYPOINTS / folder).rglob("*.py"))
ASK: Final = {
    "wire/instants.py": r"\butc_text\b|\.isoformat\(",
    "wire/answers/statuses.py": r"lifecycle import .*\bsuccess\b",
}
"""Who writes instants, and who says what succeeded."""


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ENTRYPOINTS).as_posix())
def test_only_one_place_writes_instants_and_success(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    for place, pattern in ASK.items():
        if module.relative_to(ENTRYPOINTS).as_posix() != place:
            assert re.search(pattern, text) is None, f"use {place}"


def test_each_place_is_where_it_is_said_to_be() -> None:
    for place, pattern in ASK.items():
        assert re.search(pattern, (ENTRYPOINTS / place).read_text(encoding="utf-8"))
