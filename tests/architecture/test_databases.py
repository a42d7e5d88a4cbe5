"""Only the modules of a database name it; otherwise tables with a row for each database."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.architecture.test_conventions import MODULES, named
from tests.support.source_trees import ONE_PROCESS, nodes_of

pytestmark = ONE_PROCESS

WORDS: Final = re.compile(
    r"sqlite|mysql|mariadb|asyncmy|postgres|sqlalchemy\.dialects|force index|straight_join|on duplicate|on conflict",
    re.IGNORECASE,
)

OWN: Final = re.compile(r"(^|/)(sqlite|mysql)(_\w+)?(\.py$|/)")
"""Modules and folders of one database."""

MAY_NAME_ONE: Final = {
    "backends.py": "the list of the backends",
    "column_types.py": "a table: what each database calls a type",
    "database_kinds.py": "the list of the kinds",
    "index_hints.py": "a table: the hint of each database for an index",
    "logs.py": "the list of the libraries that log",
    "0001_initial_schema.py": "a migration: its statements for each database do not change any more",
    "0010_replays.py": "the same",
    "0012_pauses.py": "the same",
    "0013_pool_choices.py": "the same",
    "0014_placements.py": "the same",
    "0016_callback_tokens.py": "the same",
    "0017_streams.py": "the same",
    "0018_webhooks.py": "the same",
    "0022_erasures.py": "the same",
    "0024_mass_sends.py": "the same",
    "0025_api_keys.py": "the same",
    "0023_media.py": "the same",
    "0026_audit_trail.py": "the same",
    "0027_secrets_at_rest.py": "the same",
    "0028_messages_of_a_tenant.py": "the same",
    "model.py": "the default of `datasource.url` where a profile allows it",
    "command.py": "the demo prints its database",
    "processes.py": "the demo sets the database of its service",
}
"""By file name, with the reason."""

PORTABLE: Final = [path for path in MODULES if not OWN.search(named(path)) and path.name not in MAY_NAME_ONE]


def words(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Names and texts of the code of these nodes, without docstrings."""
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield node.lineno, text
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
                yield node.lineno, text
            case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text) | ast.ClassDef(name=text):
                yield node.lineno, text
            case ast.keyword(arg=str(text)):
                yield node.value.lineno, text
            case ast.ImportFrom(module=str(text)):
                yield node.lineno, text
                yield from ((node.lineno, f"{text}.{alias.name}") for alias in node.names)
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", PORTABLE, ids=named)
def test_a_portable_module_names_no_database(path: Path) -> None:
    named_databases = [f"{line}: {text[:60]}" for line, text in words(nodes_of(path)) if WORDS.search(text)]
    assert named_databases == []


@pytest.mark.parametrize("name", MAY_NAME_ONE)
def test_every_exception_is_needed(name: str) -> None:
    paths = [path for path in MODULES if path.name == name and not OWN.search(named(path))]
    assert any(WORDS.search(text) for path in paths for _, text in words(nodes_of(path))), f"{name} needs no exception"


@pytest.mark.parametrize(
    "code",
    [
        "if url.scheme == 'mysql': pass",
        "select(a).with_hint(t, 'FORCE INDEX (x)')",
        "from sqlalchemy.dialects import sqlite",
        "import asyncmy",
        "Table('t', sqlite_autoincrement=True)",
        "def mysql_address(): pass",
    ],
)
def test_a_word_of_one_database_is_found(code: str) -> None:
    assert any(WORDS.search(text) for _, text in words(list(ast.walk(ast.parse(code)))))


def test_a_docstring_may_name_a_database() -> None:
    assert not any(WORDS.search(text) for _, text in words(list(ast.walk(ast.parse('X = 1\n"""SQLite\'s own."""\n')))))
