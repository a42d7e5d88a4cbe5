"""The fixture that runs the suite on the combinations of backends."""

from tests.support.processes.backends import backend

__all__ = ["backend"]
