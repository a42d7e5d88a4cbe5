"""dependency_injector without the frameworks that it looks for when it is imported, and that we do not connect it with (ADR 29).

Where they are installed for something else, it would import pydantic and werkzeug: a tenth of a start.
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
def _without_frameworks() -> Iterator[None]:
    finder = _NotInstalled()
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]  # the stubs ask for more than the protocol does
    try:
        yield
    finally:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]  # as above


with _without_frameworks():
    from dependency_injector import containers, providers

__all__ = ["containers", "providers"]
