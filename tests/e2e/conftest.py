"""The fixture that runs the suite on every combination of backends."""

from tests.support.processes.backends import backend

__all__ = ["backend"]
