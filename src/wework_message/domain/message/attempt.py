"""An attempt: one call to a provider, its committed intent, its outcome and the evidence about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from wework_message.domain.ids import AccountId, BindingId, Guid, HolderToken, ProviderCode, ProviderMessageId
from wework_message.domain.instants import send_instant
from wework_message.domain.message.decision import Decision
from wework_message.domain.message.projection import Evidence, FactKind, weigh
from wework_message.domain.outcomes import OutcomeClass, Reason

MAX_ERROR_CODE: Final = 2**53 - 1
"""The largest integer that every JSON parser reads exactly; no provider has a larger code."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an answer says about an accepted send: fields that the rules need, and details under the protocol's names."""

    provider_message_id: ProviderMessageId
    seq: str | None = None
    """Position in the account's message stream."""
    app_info: str | None = None
    """`app_info_key` as the answer spells it."""
    app_info_key: str | None = None
    """Identifies the message in every member's view of the conversation, as callbacks spell it."""
    sent_at: int | None = None
    """The provider's send time, epoch ms, as it says; `Attempt.sent_at` has it where it can be one."""
    sender_id: str | None = None
    """The account's own user id."""
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict, hash=False)
    """Other values that the protocol keeps: stored and answered under its own names, none of which is a field above."""

    def text(self, name: str) -> str | None:
        """A detail that is a text; None where it is absent or something else."""
        value = self.details.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """A detail that is an integer; None where it is absent or something else."""
        value = self.details.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool | None:
        """A detail that is true or false; None where it is absent or something else."""
        value = self.details.get(name)
        return value if isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What one call proved. Gateways return it and never raise (D-14)."""

    kind: OutcomeClass
    reason: Reason | None = None
    """The cause within the class."""
    error_code: int | None = None
    """The provider's integer."""
    error_message: str | None = None
    """The provider's text, at most 200 characters; never message content."""
    retry_after_ms: int | None = None
    confirmed: bool = True
    """False where a refusal comes with a code that no table knows: a late echo may still prove it sent (D-43)."""
    receipt: Receipt | None = None
    """Present exactly when `kind` is ACCEPTED, or the answer was contradictory."""

    @property
    def unproven(self) -> bool:
        """Whether an echo may still prove it sent: it is uncertain, or a refusal by a code that no table knows."""
        return self.kind is OutcomeClass.UNCERTAIN or not self.confirmed

    @property
    def proves_unsent(self) -> bool:
        """Whether nothing was sent, by an answer that a table knows or by what we did ourselves."""
        return self.kind is not OutcomeClass.ACCEPTED and not self.unproven

    @property
    def is_of_old_handle(self) -> bool:
        """Whether the provider refused its own handle of a file: with another handle it is sent."""
        return self.kind is OutcomeClass.NOT_SENT and self.reason is Reason.MEDIA_EXPIRED

    def storable(self) -> "AttemptOutcome":
        """The same without an error code that is no code: databases have integers of 64 bits."""
        if self.error_code is None or abs(self.error_code) <= MAX_ERROR_CODE:
            return self
        return replace(self, error_code=None)

    def without_texts(self) -> "AttemptOutcome":
        """The same without what the provider put into words: its error text, and details of the receipt."""
        receipt = replace(self.receipt, details={}) if self.receipt is not None else None
        return replace(self.storable(), error_message=None, receipt=receipt)

    def corrects(self, recorded: "AttemptOutcome") -> bool:
        """Whether this definite answer corrects what was recorded earlier (a stopped process went on, or a pull proved it).

        What was uncertain is corrected, and what a pull did not find: an answer outweighs that.
        """
        open_to = recorded.kind is OutcomeClass.UNCERTAIN or recorded.reason is Reason.ABSENT
        return open_to and self.kind is not OutcomeClass.UNCERTAIN


@dataclass(slots=True)
class Attempt:
    """One call for one message. `unsettled` and `lane_open` are the flags that the schema's unique indexes guard."""

    number: int
    """1, 2, ... over the whole life of the message."""
    round: int
    """Which round (first send, retry by a person, ...) it belongs to, from 1."""
    account_id: AccountId
    binding_id: BindingId
    provider_code: ProviderCode
    guid: Guid
    epoch: int
    """The binding's epoch at the intent (fencing, D-19)."""
    started_at: int
    """The intent, epoch ms."""
    decision: Decision | None = None
    """Why this binding was chosen."""
    ended_at: int | None = None
    outcome: AttemptOutcome | None = None
    provider_message_id: ProviderMessageId | None = None
    """From the answer, or from the echo that was matched to it."""
    app_info_key: str | None = None
    sent_at: int | None = None
    content_key: str | None = None
    """The key that an echo must have (`echo_keys`); None for what only an id identifies."""
    holder: HolderToken | None = None
    """The claim that wrote the intent; None in rows of versions before, and for calls that nobody claimed."""
    unsettled: bool = True
    """In flight, or uncertain and not given up: at most one per message."""
    lane_open: bool = True
    """Holds its lane: at most one per (account, conversation)."""
    facts: frozenset[FactKind] = field(default_factory=frozenset)
    """What callbacks, pulls and persons reported about it, in any order."""

    @property
    def was_not_made(self) -> bool:
        """Whether its process knows that it never began this call."""
        return self.outcome is not None and self.outcome.reason is Reason.COMMIT_LOST

    @property
    def met_old_handle(self) -> bool:
        """Whether the provider refused its own handle of a file: nothing was sent, and nobody is to blame."""
        return self.outcome is not None and self.outcome.is_of_old_handle

    @property
    def evidence(self) -> Evidence:
        """The strongest evidence about this attempt; an attempt that was given up is no longer uncertain, only unproven."""
        outcome = self.outcome
        if outcome is None:
            return weigh(None, self.facts)
        evidence = weigh(outcome.kind, self.facts, proves_unsent=outcome.proves_unsent)
        return Evidence.NOTHING if evidence is Evidence.UNCERTAIN and not self.unsettled else evidence

    def close(self, outcome: AttemptOutcome, *, at: int) -> None:
        """Record the answer. An uncertain one keeps both flags, unless a fact has shown already what happened.

        A provider's impossible number is left out: an answer that cannot be stored would make what was sent uncertain.
        """
        self.outcome = outcome.storable()
        self.ended_at = at
        if (receipt := outcome.receipt) is not None and outcome.kind is OutcomeClass.ACCEPTED:
            self.provider_message_id = receipt.provider_message_id
            self.app_info_key = receipt.app_info_key
            self.sent_at = send_instant(receipt.sent_at)
        if outcome.kind is not OutcomeClass.UNCERTAIN or self.facts:
            self.release()

    def learn(self, kind: FactKind) -> None:
        """Add a fact; it also settles an attempt that has its answer."""
        self.facts |= {kind}
        if self.outcome is not None:
            self.release()

    def forget_content(self) -> None:
        """Drop what repeats the content, or names the recipient: the key of its echoes, and the texts of the answer."""
        self.content_key = None
        if self.outcome is not None:
            self.outcome = self.outcome.without_texts()

    def release(self) -> None:
        """Settle it, and free its lane."""
        self.unsettled = False
        self.lane_open = False
