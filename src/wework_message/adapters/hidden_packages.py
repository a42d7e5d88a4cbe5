"""Imports of a library as if packages were not installed that it looks for and that we do not use with it (ADR 29)."""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class _NotInstalled:
    """A finder that answers for some packages as if they were not installed."""

    def __init__(self, packages: Collection[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raises `ModuleNotFoundError` for them; None = other finders are asked."""
        if name.partition(".")[0] in self._packages:
            raise ModuleNotFoundError(name, name=name)


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """For the length of the block these packages are not found, unless they are imported already."""
    finder = _NotInstalled(frozenset(packages))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
