"""A provider in memory whose instances can be listed and set up."""

from collections.abc import Callable, Sequence

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.instances import (
    InstanceAdmin,
    InstanceMaker,
    LoginCode,
    LoginVerifier,
    MadeInstance,
    Notify,
    SessionRestorer,
)
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
        self.made = 0
        """Calls that were to make an instance."""
        self.logins: list[Guid] = []
        self.verified: list[tuple[Guid, str]] = []
        """The codes that were passed on."""
        self.read: list[tuple[Guid, str]] = []

    async def log_in(self, guid: Guid) -> AttemptOutcome:
        """An instance logs in unless `answer` is a refusal; what `states` has of it then is ONLINE."""
        self._refuse_in_a_unit()
        self.logins.append(guid)
        if self.answer.kind is OutcomeClass.ACCEPTED:
            self.states[guid] = ClientState.ONLINE
        return self.answer

    async def make_instance(self) -> MadeInstance:
        """A new instance, offline, unless `answer` is a refusal; with UNCERTAIN it is made, and nobody is told its guid."""
        self._refuse_in_a_unit()
        self.made += 1
        if self.answer.kind in (OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN):
            guid = Guid(f"made-{self.made}")
            self.guids.append(guid)
            self.states[guid] = ClientState.OFFLINE
            return MadeInstance(self.answer, guid if self.answer.kind is OutcomeClass.ACCEPTED else None)
        return MadeInstance(self.answer)

    async def login_code(self, guid: Guid) -> LoginCode:
        self._refuse_in_a_unit()
        accepted = self.answer.kind is OutcomeClass.ACCEPTED
        return LoginCode(self.answer, f"https://scan.example/{guid}" if accepted else None)

    async def verify_login(self, guid: Guid, code: str) -> AttemptOutcome:
        self._refuse_in_a_unit()
        self.verified.append((guid, code))
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


def _conforms(gateway: MemoryInstanceGateway) -> tuple[InstanceAdmin, SessionRestorer, InstanceMaker, LoginVerifier]:
    return gateway, gateway, gateway, gateway
