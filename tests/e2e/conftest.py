"""One suite, every combination of backends."""

from tests.support.stands import stand

__all__ = ["backend"]
