"""A provider in memory that makes mass sends: it does what its script says, and records its calls."""

import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassCall, MassGateway, MassOutcome, MassResult
from wework_message.domain.ports.system import Clock

MassScript = MassOutcome | Callable[[MassCall], Awaitable[MassOutcome]]
"""The end of a call; a function may wait, and is cancelled with its caller."""

_TOO_LATE: Final = MassOutcome(AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.TOO_LATE))


class MemoryMassGateway:
    """Accepts every call unless scripted otherwise, and leaves out those recipients that are `blocked`.

    `calls` has every call that began, `executed` the recipients, in order and as often as they may have got something.
    """

    def __init__(self, clock: Clock, *, busy: Callable[[], bool] = lambda: False) -> None:
        """`busy` as in `MemoryGateway`."""
        self._clock = clock
        self._busy = busy
        self._serial = itertools.count(1)
        self._script: deque[MassScript] = deque()
        self.calls: list[MassCall] = []
        self.executed: list[str] = []
        self.blocked: set[str] = set()
        """Recipients that cannot get a mass send."""
        self.results: dict[str, dict[str, MassResult]] = {}
        """What is answered about tasks, by their id."""
        self.answers = True
        """Whether it answers questions."""
        self.open_tasks: dict[str, Any] = {}
        """Tasks of an administrator, by their id."""

    def script(self, *steps: MassScript) -> None:
        """Set the ends of the next calls, in order."""
        self._script.extend(steps)

    async def send_mass(self, call: MassCall) -> MassOutcome:
        """The next step of the script, or an acceptance. Raises `RuntimeError` inside a unit of work."""
        self._refuse_in_a_unit()
        if self._clock.boot() > call.write_before_boot_ms:
            return _TOO_LATE
        self.calls.append(call)
        step = self._script.popleft() if self._script else self._accepted(call)
        end = step if isinstance(step, MassOutcome) else await step(call)
        if end.outcome.kind in (OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN):
            self.executed += [name for name in call.recipients if name not in end.refused]
        return end

    async def mass_results(self, guid: Guid, task_id: str) -> Mapping[str, MassResult] | None:  # noqa: ARG002 - of the port
        self._refuse_in_a_unit()
        return self.results.get(task_id) if self.answers else None

    async def ineligible(self, guid: Guid, recipients: tuple[str, ...], *, are_rooms: bool) -> frozenset[str] | None:  # noqa: ARG002 - of the port
        self._refuse_in_a_unit()
        return frozenset(recipients) & self.blocked if self.answers else None

    async def tasks(self, guid: Guid, next_page: str) -> Any:  # noqa: ARG002 - of the port
        self._refuse_in_a_unit()
        return {"data": {"list": list(self.open_tasks.values()), "next_page": ""}} if self.answers else None

    async def task(self, guid: Guid, task_id: str) -> Any:  # noqa: ARG002 - of the port
        self._refuse_in_a_unit()
        return {"data": self.open_tasks.get(task_id, {})} if self.answers else None

    def _accepted(self, call: MassCall) -> MassOutcome:
        task_id = f"task-{next(self._serial)}"
        refused: dict[str, int | None] = {name: None for name in call.recipients if name in self.blocked}
        self.results[task_id] = {name: MassResult(sent=name not in refused) for name in call.recipients}
        return MassOutcome(AttemptOutcome(OutcomeClass.ACCEPTED), task_id, refused)

    def _refuse_in_a_unit(self) -> None:
        if self._busy():
            raise RuntimeError("a provider was called while a unit of work was open (D-12)")


def _conforms(gateway: MemoryMassGateway) -> MassGateway:
    return gateway
