"""Through which instance a recall goes, if any: the one that sent the message, as it is now (ADR 52)."""

from wework_message.application.dispatch.begin_call import NO_ROOM_MS, StartedCall
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.dispatch.in_flight import Admission
from wework_message.application.dispatch.routing import Router
from wework_message.application.policy import Policy
from wework_message.domain.account import Binding, may_be_called
from wework_message.domain.ids import ProviderCode
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.handling import recheck_later
from wework_message.domain.message.message import Message
from wework_message.domain.message.timeline import Note
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock


class BeginRecall:
    """Decides on a recall that is due."""

    def __init__(self, policy: Policy, router: Router, fence: EpochFence, clock: Clock) -> None:
        """`router` knows the bindings of prepared messages; `fence` learns of the epochs that are read."""
        self._policy = policy
        self._router = router
        self._fence = fence
        self._clock = clock

    async def __call__(
        self, unit: UnitOfWork, admission: Admission, message: Message, attempt: Attempt, *, now: int
    ) -> StartedCall | None:
        """The call, once the message is committed; None where it waits for room, or no instance may make it any more.

        `attempt` sent the message. It must be prepared for.
        """
        binding = self._router.instance(message.account_id, attempt) or await self._instance(unit, attempt)
        if binding is None or not may_be_called(binding):
            message.notes.append(Note("RECALL_NOT_CALLED", now))
            message.end_recall("RECALL_NO_BINDING", now=now, horizon_ms=self._policy.horizon_ms)
            return None
        if not admission.recall(attempt):
            recheck_later(message, wait_ms=NO_ROOM_MS)
            return None
        message.call_recall(lease_ms=self._policy.lease_ms(ProviderCode(attempt.provider_code)))
        return StartedCall(message, attempt, binding.epoch, recalling=True, boot_ms=self._clock.boot())

    async def _instance(self, unit: UnitOfWork, attempt: Attempt) -> Binding | None:
        """As stored: it was changed a moment ago, or another account has it now. A guid that moved is still the same instance."""
        stored = await unit.accounts.binding_of(attempt.guid, latest=True)
        binding = next((known for known in stored if known.provider_code == attempt.provider_code), None)
        if binding is not None:
            self._fence.heard((binding,))
        return binding
