"""A help desk that answers its customers over WeCom: another service, with the domain of wework-message inside.

It has its own store (a dictionary) and its own provider client (a script of outcomes). From the domain it takes
the four things that are hard to get right: `Message`, `ProviderSelector`, `RetryPolicy` and `CallbackProjection`.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from wework_message.domain import CallbackProjection, Message, ProviderSelector, RetryPolicy
from wework_message.domain.account import Binding, BindingState
from wework_message.domain.content import TextContent
from wework_message.domain.ids import (
    DEFAULT_TENANT,
    AccountId,
    BindingId,
    Guid,
    MessageId,
    ProviderCode,
    ProviderMessageId,
)
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import Attempt, AttemptOutcome, Receipt
from wework_message.domain.message.options import SendOptions
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.retry import Sibling
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.routing.selector import Candidate, Choice, Refusal, RouteHealth, RouteRequest

HORIZON_MS = 90_000
LEASE_MS = 45_000
DAY_MS = 24 * 3_600_000

HELP_DESK = AccountId("help-desk")
FIRST = Provider(ProviderCode("FIRST"), "first", Capabilities(frozenset({"TEXT"})), priority=1)
SECOND = Provider(ProviderCode("SECOND"), "second", Capabilities(frozenset({"TEXT"})), priority=2)


def an_instance(provider: Provider) -> Binding:
    """The help desk's own WeCom identity, logged in at one provider."""
    code = provider.code
    return Binding(BindingId(f"desk@{code}"), HELP_DESK, code, Guid(f"guid-{code}"), state=BindingState.ONLINE)


@dataclass
class HelpDesk:
    """Sends answers; `script` holds the providers' answers, one outcome per call."""

    script: deque[AttemptOutcome]
    candidates: list[Candidate] = field(
        default_factory=lambda: [Candidate(an_instance(FIRST), FIRST), Candidate(an_instance(SECOND), SECOND)]
    )
    now: int = 1_750_000_000_000
    store: dict[MessageId, Message] = field(default_factory=dict)
    calls: list[BindingId] = field(default_factory=list)
    selector: ProviderSelector = field(default_factory=ProviderSelector)
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def answer(self, ticket: str, text: str) -> MessageId:
        """Accept one answer to a customer."""
        message = Message(
            id=MessageId(ticket),
            tenant_id=DEFAULT_TENANT,
            account_id=HELP_DESK,
            guid=None,
            conversation_id="S:788100200300",
            content=TextContent(content=text),
            message_type="TEXT",
            accepted_at=self.now,
            expires_at=self.now + DAY_MS,
            options=SendOptions(),
        )
        message.make_due(now=self.now)
        self.store[message.id] = message
        return message.id

    def work(self, *, rounds: int = 10) -> None:
        """Send every message that waits; time is an argument, so nothing here sleeps."""
        for _ in range(rounds):
            for message in self.store.values():
                if message.is_waiting():
                    self._send(message)
            self.now += 60_000

    def hear(self, ticket: MessageId, *facts: FactKind) -> None:
        """Apply the facts of a provider's callbacks to the newest attempt."""
        message = self.store[ticket]
        for fact in facts:
            note = Note(fact, self.now, attempt=len(message.attempts))
            message.learn(len(message.attempts), fact, horizon_ms=HORIZON_MS, now=self.now, note=note)

    def _route(self, message: Message) -> Choice | Refusal:
        refused = (attempt for attempt in message.attempts if _kind(attempt) is OutcomeClass.REFUSED_BINDING)
        request = RouteRequest("TEXT", tries=Counter(attempt.binding_id for attempt in refused))
        return self.selector.choose(request, self.candidates)

    def _send(self, message: Message) -> None:
        route = self._route(message)
        if isinstance(route, Refusal):
            print(f"  {message.id}: {route.kind}")
            return
        binding = route.binding
        attempt = Attempt(
            number=len(message.attempts) + 1,
            round=message.round,
            account_id=HELP_DESK,
            binding_id=binding.binding_id,
            provider_code=binding.provider_code,
            guid=binding.guid,
            epoch=binding.epoch,
            started_at=self.now,
            decision=route.decision,
        )
        message.begin_attempt(attempt, lease_ms=LEASE_MS, now=self.now)  # store this first: then, and only then, call
        self.calls.append(binding.binding_id)
        outcome = self.script.popleft()
        verdict = self.retry.after(
            outcome.kind,
            tries=message.tries,
            provider_tries=sum(attempt.provider_code == binding.provider_code for attempt in message.attempts),
            provider_cap=route.provider.retry_count,
            jitter=0.5,
            remaining_ms=message.expires_at - self.now,
            sibling=Sibling.READY if len(self.candidates) > 1 else Sibling.NONE,
        )
        message.settle(attempt.number, outcome, verdict, horizon_ms=HORIZON_MS, now=self.now)
        print(f"  {message.id}: {binding.binding_id} ({route.decision.reason}) {outcome.kind} -> {message.status}")


def _kind(attempt: Attempt) -> OutcomeClass | None:
    return attempt.outcome.kind if attempt.outcome is not None else None


def desk(outcomes: Iterable[AttemptOutcome]) -> HelpDesk:
    """A desk whose providers answer with `outcomes`."""
    return HelpDesk(deque(outcomes))


ACCEPTED = AttemptOutcome(OutcomeClass.ACCEPTED, receipt=Receipt(ProviderMessageId("7000001")))
NO_CONNECTION = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)
LOGGED_OUT = AttemptOutcome(OutcomeClass.REFUSED_BINDING, reason=Reason.CODE)
NO_ANSWER = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)


def a_refused_connection_is_tried_again() -> None:
    """No byte left, so trying again cannot send twice."""
    service = desk([NO_CONNECTION, NO_CONNECTION, ACCEPTED])
    ticket = service.answer("ticket-1", "Your parcel is on its way.")
    service.work()
    assert service.store[ticket].status is MessageStatus.SENT
    assert len(service.calls) == 3


def a_logged_out_instance_hands_over_to_its_sibling() -> None:
    """The other instance is the same WeCom identity at another provider."""
    service = desk([LOGGED_OUT, ACCEPTED])
    ticket = service.answer("ticket-2", "We have found your order.")
    service.work()
    assert service.store[ticket].status is MessageStatus.SENT
    assert service.calls == ["desk@FIRST", "desk@SECOND"]
    decision = service.store[ticket].attempts[1].decision
    assert decision is not None
    assert {candidate.binding_id: candidate.excluded for candidate in decision.candidates} == {
        "desk@FIRST": "TURNED_AWAY",
        "desk@SECOND": None,
    }


def a_lost_answer_is_never_sent_again_and_the_echo_settles_it() -> None:
    """UNKNOWN is a state, not an error: only evidence ends it."""
    service = desk([NO_ANSWER])
    ticket = service.answer("ticket-3", "Please restart the router.")
    service.work()
    assert service.store[ticket].status is MessageStatus.UNKNOWN
    assert len(service.calls) == 1
    service.hear(ticket, FactKind.ECHO, FactKind.ECHO)
    assert service.store[ticket].status is MessageStatus.DELIVERED


def facts_mean_the_same_in_any_order() -> None:
    """The projection alone, for a service that stores facts and nothing else."""
    ends = set()
    for facts in ([FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK], [FactKind.SERVER_RETRY_OK, FactKind.SEND_FAIL]):
        service = desk([ACCEPTED])
        ticket = service.answer("ticket-4", "Thank you!")
        service.work()
        service.hear(ticket, *facts)
        ends.add(CallbackProjection.of(attempt.evidence for attempt in service.store[ticket].attempts))
    assert ends == {MessageStatus.DELIVERED}


def an_account_that_is_offline_waits() -> None:
    """Nothing is sent to an instance that is known offline, and nothing fails because of it."""
    service = desk([])
    service.candidates = [Candidate(an_instance(FIRST), FIRST, RouteHealth(state=BindingState.OFFLINE))]
    ticket = service.answer("ticket-5", "Good morning.")
    service.work(rounds=1)
    assert service.store[ticket].status is MessageStatus.QUEUED
    assert service.calls == []


def main() -> None:
    """Every story, each with its own desk."""
    for story in (
        a_refused_connection_is_tried_again,
        a_logged_out_instance_hands_over_to_its_sibling,
        a_lost_answer_is_never_sent_again_and_the_echo_settles_it,
        facts_mean_the_same_in_any_order,
        an_account_that_is_offline_waits,
    ):
        print(story.__name__.replace("_", " "))
        story()
    print("all as promised")


if __name__ == "__main__":
    main()
