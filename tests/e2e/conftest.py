"""One suite, every combination of backends."""

from tests.support.stands import backend

__all__ = ["backend"]
