"""A provider in memory whose instances can be listed and set up."""

from collections.abc import Callable, Sequence

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.instances import InstanceAdmin, Notify, SessionRestorer
from wework_message.domain.ports.system import Clock


class MemoryInstanceGateway(MemoryGateway):
    """Does what it is told; `answer` is the outcome of every such call, and `answers` whether there is one at all."""

    def __init__(self, clock: Clock, *, busy: Callable[[], bool] = lambda: False) -> None:
        """As the gateway's."""
        super().__init__(clock, busy=busy)
        self.guids: list[Guid] = []
        self.answer = AttemptOutcome(OutcomeClass.ACCEPTED)
        self.callback_urls: dict[Guid, str] = {}
        self.notifies: dict[Guid, Notify] = {}
        self.logins: list[Guid] = []
        self.read: list[tuple[Guid, str]] = []

    async def log_in(self, guid: Guid) -> AttemptOutcome:
        """An instance logs in unless `answer` is a refusal; what `states` has of it then is ONLINE."""
        self._refuse_in_a_unit()
        self.logins.append(guid)
        if self.answer.kind is OutcomeClass.ACCEPTED:
            self.states[guid] = ClientState.ONLINE
        return self.answer

    async def instances(self) -> Sequence[Guid] | None:
        self._refuse_in_a_unit()
        return sorted(self.guids) if self.answers else None

    async def set_callback_url(self, guid: Guid, url: str) -> AttemptOutcome:
        self._refuse_in_a_unit()
        if self.answer.kind is OutcomeClass.ACCEPTED:
            self.callback_urls[guid] = url
        return self.answer

    async def set_notify(self, guid: Guid, notify: Notify) -> AttemptOutcome:
        self._refuse_in_a_unit()
        if self.answer.kind is OutcomeClass.ACCEPTED:
            self.notifies[guid] = notify
        return self.answer

    async def mark_read(self, guid: Guid, conversation_id: str) -> AttemptOutcome:
        self._refuse_in_a_unit()
        if self.answer.kind is OutcomeClass.ACCEPTED:
            self.read.append((guid, conversation_id))
        return self.answer


def _conforms(gateway: MemoryInstanceGateway) -> tuple[InstanceAdmin, SessionRestorer]:
    return gateway, gateway
