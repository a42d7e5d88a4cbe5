"""What goes on in a process beside its HTTP server, by role."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.application.role import Role
from wework_message.bootstrap.containers import UseCases


class Loop(Protocol):
    """Works until it is told to stop. Any number of processes may run it on one database (decision 36)."""

    async def run(self) -> None:
        """Work; an outage or a defect only pauses it. Returns after `stop`."""
        ...

    async def stop(self, drain_s: float) -> None:
        """Begin nothing more; what is under way has `drain_s` seconds to end by itself."""
        ...


def loops_of(role: Role, use_cases: UseCases) -> Sequence[Loop]:
    """The loops of a process, in the order in which they stop: who feeds others stops before them.

    Callbacks are projected until the last call has ended, since they may settle it.
    """
    if not role.dispatches:
        return (use_cases.census(),)
    return (
        use_cases.census(),
        use_cases.upkeep(),
        use_cases.prober(),
        use_cases.dispatcher(),
        use_cases.projector(),
    )
