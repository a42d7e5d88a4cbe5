"""Evidence: reported facts about attempts, and the fold that turns a set of them into a status.

The fold looks at the *set* of facts. Order and repetition cannot change its result (D-15, R-I9): callbacks
arrive late, twice and reversed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.echo_keys import Shown
from wework_message.domain.outcomes import OutcomeClass


class FactKind(StrEnum):
    """One thing that a callback, a pull or a person can report about an attempt."""

    ECHO = "ECHO"
    """Seen in the account's server message stream."""
    SEND_FAIL = "SEND_FAIL"
    """Flag bit 22: the server failed to send it after accepting it (P-12)."""
    SERVER_RETRY_OK = "SERVER_RETRY_OK"
    """Flag bit 25: the server's own retry succeeded."""
    REVOKED = "REVOKED"
    """Flag bit 5 or a revoke record that refers to it."""
    SENT_BY_PERSON = "SENT_BY_PERSON"
    """A person says it was sent (`resolution.resolve`)."""
    NOT_SENT_BY_PERSON = "NOT_SENT_BY_PERSON"
    """A person says it was not sent."""
    RECALL_ASSUMED = "RECALL_ASSUMED"
    """The provider answered our recall with 0 and no record of it came within 2H (D-40)."""
    TASK_FAILED = "TASK_FAILED"
    """The provider says of a mass send that it accepted that this recipient was not sent it (ADR 67)."""


class Evidence(IntEnum):
    """The strength of what is known about one attempt; a larger value wins *between* attempts of a message."""

    NOTHING = 0
    """Never started, or provably not sent, or refused."""
    IN_FLIGHT = 1
    SEND_FAILED = 2
    UNCERTAIN = 3
    REVOKED = 4
    ACCEPTED = 5
    SEEN = 6


_FACTS_FIRST: Final = (
    (FactKind.REVOKED, Evidence.REVOKED),
    (FactKind.RECALL_ASSUMED, Evidence.REVOKED),
    (FactKind.SERVER_RETRY_OK, Evidence.SEEN),
    (FactKind.SEND_FAIL, Evidence.SEND_FAILED),
    (FactKind.ECHO, Evidence.SEEN),
    (FactKind.TASK_FAILED, Evidence.SEND_FAILED),
    (FactKind.SENT_BY_PERSON, Evidence.ACCEPTED),
    (FactKind.NOT_SENT_BY_PERSON, Evidence.NOTHING),
)
"""Within one attempt: recalled > server retry succeeded > send failed > echo > status of a mass send > a person's word > the answer.

But an answer that proves something is worth more than a person's word against it (`weigh`).
"""

_ANSWERS: Final = {
    None: Evidence.IN_FLIGHT,
    OutcomeClass.ACCEPTED: Evidence.ACCEPTED,
    OutcomeClass.UNCERTAIN: Evidence.UNCERTAIN,
}


def weigh(outcome: OutcomeClass | None, facts: Collection[FactKind], *, proves_unsent: bool = False) -> Evidence:
    """The evidence about one attempt: from its answer (None while the call is open) and the reported facts.

    `proves_unsent`: the answer proves that nothing was sent (`AttemptOutcome.proves_unsent`). A person's "sent" makes that
    SEND_FAILED: it counted as sent, and was not. A provider's acceptance outweighs a person's "not sent".
    """
    answer = _ANSWERS.get(outcome, Evidence.NOTHING)
    kind, evidence = next(((kind, evidence) for kind, evidence in _FACTS_FIRST if kind in facts), (None, answer))
    if kind is FactKind.SENT_BY_PERSON and proves_unsent:
        return Evidence.SEND_FAILED
    return answer if kind is FactKind.NOT_SENT_BY_PERSON and answer is Evidence.ACCEPTED else evidence


_STATUS: Final = {
    Evidence.SEEN: MessageStatus.DELIVERED,
    Evidence.ACCEPTED: MessageStatus.SENT,
    Evidence.REVOKED: MessageStatus.RECALLED,
    Evidence.UNCERTAIN: MessageStatus.UNKNOWN,
    Evidence.SEND_FAILED: MessageStatus.FAILED,
}


class CallbackProjection:
    """Folds evidence into the status that it proves; pure, and independent of order and repetition."""

    @staticmethod
    def of(attempts: Iterable[Evidence]) -> MessageStatus | None:
        """The status that the best attempt proves, or None where nothing is proven (the rules decide then)."""
        return _STATUS.get(max(attempts, default=Evidence.NOTHING))


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record of the account's message stream (11010, an item of 11013, or a pulled one), in neutral terms."""

    guid: Guid
    event_key: str
    """Identifies the record for de-duplication: (seq, id, referid, flag), or a hash of the body (M-4.2)."""
    provider_message_id: ProviderMessageId | None = None
    refers_to: ProviderMessageId | None = None
    """Non-zero `referid`: the record changes an earlier message."""
    app_info_key: str | None = None
    conversations: tuple[str, ...] = ()
    """The conversation as our requests may spell it (with and without `;asid`), read as a record of the account's own."""
    names_session: bool = True
    """False where the provider may have left the session out: the record is of any session with the same person."""
    sender: str | None = None
    marked_own: bool = False
    """The provider marks it as sent by the account itself; that counts until the account's user id is known (D-44)."""
    sent_at: int | None = None
    """Epoch ms."""
    shown: Shown | None = None
    """What identifies its content; None where it shows nothing of the kind."""
    kinds: frozenset[FactKind] = frozenset()
    """What the record proves about its message. Empty: it is no message by its type, and proves only that its id exists."""

    @property
    def names(self) -> tuple[ProviderMessageId, ...]:
        """Ids by which the owner of the record may be found: that of the message it changes, then its own."""
        return tuple(id_ for id_ in (self.refers_to, self.provider_message_id) if id_ is not None)

    @property
    def text(self) -> str | None:
        """The words of a text, quoting or not; None for every other type."""
        return None if self.shown is None else self.shown.text
