"""The code speaks the field's words, one word for one idea (docs/glossary.md)."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from tests.support.source_trees import ONE_PROCESS, nodes_of

pytestmark = ONE_PROCESS

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = sorted(
    path for folder in ("src", "tests", "bench", "scripts", "examples") for path in (ROOT / folder).rglob("*.py")
)

SAY_INSTEAD: Final = {
    "aftermath": "post_commit",
    "again": "retry, recheck or poll",
    "agenda": "scheduling",
    "bell": "notifier",
    "census": "store_metrics",
    "chore": "task",
    "departure": "started_call",
    "desk": "batch",
    "dice": "random_source",
    "doorbell": "notifier",
    "doubt": "uncertain",
    "duties": "leases",
    "duty": "lease",
    "hungry": "has_capacity",
    "journal": "repository",
    "most": "max or limit",
    "rang": "notified",
    "ring": "notify",
    "ringing": "publisher",
    "rings": "wakeups",
    "roll": "fraction",
    "rung": "wakeup",
    "shelf": "cache",
    "sighting": "stream_record",
    "strike": "handling_failure",
    "strikes": "handling_failures",
    "upkeep": "maintenance",
    "vid": "wecom_user_id",
    "vids": "wecom_user_ids",
    "witness": "client",
    "world": "app",
}
"""A word that no name of ours contains, and what the field says."""

CONSTANTS_ONLY: Final = {"again", "most"}
"""Fine within a sentence of a test's name; as the name of a constant they say nothing."""

SAYS_NOTHING: Final = {"one", "each", "its", "found", "given", "wanted", "asked"}
"""A variable has the name of the thing it holds."""

IDS: Final = {"AccountId", "BatchId", "BindingId", "Guid", "MessageId", "ProviderMessageId"}
"""What holds one of these is called `message_id`, `guid` and so on, never `name`."""

OTHER_MEANING: Final = {
    "src/wework_message/entrypoints/cli/exit_codes.py": {"again"},  # TRY_AGAIN: `--help` names it
    "examples/embedding/main.py": {"desk"},  # a help desk
    "src/wework_message/adapters/sql/migrations/versions/0001_initial_schema.py": {"vid"},  # a column
}


@cache
def bound_in(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple(bound(nodes_of(path)))


def bound(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    """Every name that a module of these nodes gives to something, and where."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case ast.alias(asname=str() as name):
                yield name, node.lineno


def words(name: str) -> list[str]:
    """``RocketmqNotifier`` and ``MAX_ROWS``, word by word in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def refused(name: str) -> Iterator[str]:
    for word in words(name):
        if word in SAY_INSTEAD and (word not in CONSTANTS_ONLY or name.isupper()) and not name.startswith("test_"):
            yield word


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_names_are_words_of_the_field() -> None:
    assert [
        f"{where(path, line)}: {name} (say {SAY_INSTEAD[word]})"
        for path in SOURCES
        for name, line in bound_in(path)
        for word in refused(name)
        if word not in OTHER_MEANING.get(str(path.relative_to(ROOT)), ())
    ] == []


def test_a_variable_has_the_name_of_its_thing() -> None:
    assert [
        f"{where(path, line)}: {name}"
        for path in SOURCES
        for name, line in bound_in(path)
        if name.strip("_") in SAYS_NOTHING
    ] == []


def test_an_id_is_not_called_a_name() -> None:
    assert [
        where(path, node.lineno)
        for path in SOURCES
        for node in nodes_of(path)
        if (isinstance(node, ast.arg) and node.arg == "name" and _is_id(node.annotation))
        or (isinstance(node, ast.Assign) and _is_id_call(node.value) and _binds_name(node))
    ] == []


def _is_id(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id in IDS


def _is_id_call(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in IDS


def _binds_name(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "name" for target in node.targets)


@pytest.mark.parametrize(
    ("name", "word"),
    [("RingWriter", "ring"), ("own_vid", "vid"), ("MOST_ROWS", "most"), ("AGAIN_S", "again"), ("_rung", "rung")],
)
def test_a_word_is_found_within_a_name(name: str, word: str) -> None:
    assert list(refused(name)) == [word]


@pytest.mark.parametrize("name", ["string", "provide", "bring_up", "almost", "most_common", "test_no_ring_is_lost"])
def test_other_words_are_fine(name: str) -> None:
    assert list(refused(name)) == []
