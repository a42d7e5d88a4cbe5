"""What one process of the service does (D-36)."""

from enum import Enum


class Role(Enum):
    """A process of a database has one of these; together its processes must accept and dispatch."""

    ALL = "all"
    """``serve``: REST API, dispatch, projection, probes, intake."""
    ACCEPTING = "accepting"
    """``serve --no-dispatch``: REST API only; another process has to consume."""
    CONSUMING = "consuming"
    """``consume``: everything but the REST API."""

    @property
    def accepts(self) -> bool:
        """Whether it serves the REST API."""
        return self is not Role.CONSUMING

    @property
    def dispatches(self) -> bool:
        """Whether it dispatches, projects, probes and takes intake."""
        return self is not Role.ACCEPTING

    @property
    def split(self) -> bool:
        """Whether it needs a process of the other kind."""
        return self is not Role.ALL
