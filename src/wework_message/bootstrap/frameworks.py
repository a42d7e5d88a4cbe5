"""dependency_injector and Litestar without the frameworks that they look for, and that we do not connect them with (ADR 29).

Where those are installed for something else, both would import them: pydantic alone takes a fifth of a start.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FRAMEWORKS: Final = frozenset({"fast_depends", "fastapi", "pydantic", "pydantic_settings", "starlette", "werkzeug"})


class _NotInstalled:
    """A finder that answers for these packages as if they were not installed."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raises `ModuleNotFoundError` for them; None = other finders are asked."""
        if name.partition(".")[0] in _FRAMEWORKS:
            raise ModuleNotFoundError(name, name=name)


@contextmanager
def without_frameworks() -> Iterator[None]:
    """For the length of the block they are not found, unless they are imported already."""
    finder = _NotInstalled()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with without_frameworks():
    from dependency_injector import containers, providers

__all__ = ["containers", "providers", "without_frameworks"]
