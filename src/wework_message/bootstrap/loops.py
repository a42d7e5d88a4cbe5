"""The loops of a process by role: everything but its HTTP server. Some move messages, others are what requests need."""

import asyncio
import logging
from collections.abc import Sequence
from itertools import chain
from typing import Final, Protocol, TypeAlias

from wework_message.application.maintenance.fleet import CountProcesses
from wework_message.application.role import Role
from wework_message.application.waiting import ends_within
from wework_message.bootstrap.container import UseCases

STOP_TIMEOUT_S: Final = 6.0
"""The longest wait for stopped loops to end, if the drain's time allows: a poll of a queue takes 5 s."""

MIN_STOP_TIMEOUT_S: Final = 1.0
"""The wait where the drain's time is over. Then the loops are cancelled."""

CANCEL_S: Final = 1.0
"""How long loops that were cancelled may take to notice."""

STOP_MARGIN_S: Final = 2.0
"""How much longer than the drain's time the stop of a loop may take: it records what is still open."""

_log: Final = logging.getLogger(__name__)


class Loop(Protocol):
    """Works until `stop`. Any number of processes may run it on one database (D-36)."""

    async def run(self) -> None:
        """Work; an outage or a defect only pauses it. Returns after `stop`."""
        ...

    async def stop(self, drain_s: float) -> None:
        """Begin nothing more; begun work has `drain_s` seconds to end by itself."""
        ...


Step: TypeAlias = "Loop | tuple[Loop, ...]"
"""What stops at one time: those of a tuple all have open calls, each of which may take the whole drain."""


class Loops:
    """The loops of one process. An error of one does not keep the others from ending."""

    def __init__(self, steps: Sequence[Step]) -> None:
        """`steps` in the order in which they stop."""
        self._steps = [step if isinstance(step, tuple) else (step,) for step in steps]
        self.tasks: list[asyncio.Task[None]] = []
        """A task per loop, from `start` on. A task that ends before `stop` is a defect."""

    @property
    def loops(self) -> Sequence[Loop]:
        """All of them."""
        return [*chain.from_iterable(self._steps)]

    def start(self) -> None:
        """Start every loop."""
        for loop in self.loops:
            self.tasks.append(asyncio.create_task(loop.run(), name=type(loop).__name__))

    async def stop(self, seconds: float) -> None:
        """Stop step by step, and return once all have ended; an error of a loop is logged, and the others go on."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        for step in self._steps:
            remaining_s = max(0.0, deadline - clock())
            await asyncio.gather(*(_stop(loop, remaining_s) for loop in step))
        if not self.tasks:
            return
        _, late = await asyncio.wait(
            self.tasks, timeout=max(MIN_STOP_TIMEOUT_S, min(STOP_TIMEOUT_S, deadline - clock()))
        )
        for task in late:
            _log.warning("%s did not end in time", task.get_name())
            task.cancel()
        await asyncio.wait(self.tasks, timeout=CANCEL_S)
        for task in self.tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                _log.error("%s had ended by a defect", task.get_name(), exc_info=error)


async def _stop(loop: Loop, seconds: float) -> None:
    name = type(loop).__name__
    try:
        await ends_within(loop.stop(seconds), seconds + STOP_MARGIN_S, f"stop of {name}")
    except Exception:  # noqa: BLE001 -- the others must be stopped all the same
        _log.exception("%s could not be stopped", name)


def loops_of(role: Role, use_cases: UseCases) -> Sequence[Step]:
    """The loops that move messages, in the order in which they stop: a loop that feeds others stops before them.

    None that makes calls waits for another one's: it would go on to claim, and then have no time left for its own.
    Callbacks are projected until the last call has ended, since they may settle it.
    """
    if not role.dispatches:
        return ()
    # A store that writes one by one belongs to one process.
    counting = [CountProcesses(use_cases.units(), use_cases.shared().fleet, use_cases.holder())]
    return (
        *(counting if use_cases.storage().side_by_side else ()),
        use_cases.maintenance(),
        use_cases.expire_waiting(),
        use_cases.prober(),
        use_cases.standbys(),
        use_cases.replay_runner(),
        use_cases.erasure_runner(),
        use_cases.delete_bytes(),
        use_cases.configure_known(),
        use_cases.streams(),
        use_cases.record_spooled(),
        use_cases.check_tasks(),
        (use_cases.mass_sender(), use_cases.media_worker(), use_cases.dispatcher()),
        use_cases.projector(),
        use_cases.deliver_events(),
    )


def serving_loops_of(role: Role, use_cases: UseCases) -> Sequence[Loop]:
    """The loops that keep fresh what requests are judged by: they go on until no request is taken any more."""
    return (
        use_cases.store_metrics_reporter(),
        use_cases.probe_writes(),
        *((use_cases.tend_gate(), use_cases.refusals()) if role.accepts else ()),
        *((use_cases.key_directory(),) if use_cases.policy().asks_for_keys else ()),
        use_cases.pauses(),
        use_cases.endpoints(),
    )
