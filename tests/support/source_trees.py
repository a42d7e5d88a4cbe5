"""The syntax trees of our own modules, parsed once per process; tests that read all of them run in one, see `ONE_PROCESS`."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ONE_PROCESS: Final = pytest.mark.xdist_group("source trees")


@cache
def tree_of(path: Path) -> ast.Module:
    """The tree of one module; nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of one module's tree, in the order of `ast.walk`."""
    return tuple(ast.walk(tree_of(path)))


def forget() -> None:
    """Give the trees up: a search for garbage looks at each of their million objects."""
    tree_of.cache_clear()
    nodes_of.cache_clear()
