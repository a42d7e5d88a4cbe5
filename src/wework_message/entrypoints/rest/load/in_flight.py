"""A request in flight: counted while it is work, and not while it waits for its client or for an outcome (ADR 71)."""

import time

from litestar.types import HTTPScope, Receive, ReceiveMessage

from wework_message.domain.ids import TenantId
from wework_message.domain.load.gate import LoadGate
from wework_message.domain.load.priorities import Priority

STATE = "in_flight"
"""Its name in the state of a request."""


class InFlight:
    """Reads the body for its handler, as `receive`: what a slow client takes for it is neither work nor time of ours."""

    __slots__ = ("_gate", "_kind", "_receive", "_since", "_tenant_id", "_worked_s", "_works")

    def __init__(self, receive: Receive, waited_s: float = 0.0) -> None:
        """It does not count until it is taken in. It took the event loop `waited_s` to come to it: time of ours, too."""
        self._receive = receive
        self._worked_s = waited_s
        self._gate: LoadGate | None = None
        self._works = False

    def enter(self, gate: LoadGate, kind: Priority, tenant_id: TenantId) -> bool:
        """Be work from here on, or from the time when the body is there; False = the gate refuses it."""
        if not gate.admits(kind, tenant_id):
            return False
        self._gate, self._kind, self._tenant_id = gate, kind, tenant_id
        if kind is Priority.READ:
            self._begin(gate)
        return True

    async def __call__(self) -> ReceiveMessage:
        """The next part of the body."""
        self.suspend()
        try:
            return await self._receive()
        finally:
            if self._gate is not None:
                self._begin(self._gate)

    def _begin(self, gate: LoadGate) -> None:
        gate.begin(self._kind, self._tenant_id)
        self._since, self._works = time.perf_counter(), True

    def suspend(self) -> None:
        """It waits for something that is no work of ours: until the next part of the body is there, or for good."""
        if self._works and self._gate is not None:
            self._works = False
            self._worked_s += time.perf_counter() - self._since
            self._gate.suspend(self._kind, self._tenant_id)

    def leave(self) -> None:
        """Its answer begins, or it ended without: it does not count any more."""
        gate = self._gate
        if gate is None:
            return
        now = time.perf_counter()
        if self._works:
            self._works = False
            self._worked_s += now - self._since
            gate.suspend(self._kind, self._tenant_id)
        self._gate = None
        if self._worked_s:
            gate.took(self._kind, self._worked_s * 1_000, now * 1_000)


def begin_waiting(scope: HTTPScope) -> None:
    """The handler of this request waits for an outcome from here on, which is no work of ours."""
    in_flight: InFlight | None = scope["state"].get(STATE)
    if in_flight is not None:
        in_flight.suspend()
