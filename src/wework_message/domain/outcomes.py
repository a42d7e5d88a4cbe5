"""Outcome classes of an attempt and their reasons: the one vocabulary between a gateway and the rules (D-14)."""

from enum import StrEnum
from typing import Final, Self


class OutcomeClass(StrEnum):
    """What one call to a provider proved; the gateway returns exactly one and never raises."""

    ACCEPTED = "ACCEPTED"
    """error_code 0, an id that is new for this guid, `is_svr_fail` false."""
    NOT_SENT = "NOT_SENT"
    """Provably not sent: no byte left us, or our own breaker or limiter refused."""
    THROTTLED = "THROTTLED"
    """429 or the provider's rate code: not sent, wait as long as it says."""
    REFUSED_BINDING = "REFUSED_BINDING"
    """This instance cannot send now (logged out, stopped, unknown guid); a sibling binding may."""
    REFUSED_CAPABILITY = "REFUSED_CAPABILITY"
    """This provider cannot send this type or size; another may."""
    REFUSED_PERMANENT = "REFUSED_PERMANENT"
    """The same answer anywhere: bad parameter, no permission for the contact, an unknown code."""
    UNCERTAIN = "UNCERTAIN"
    """Perhaps sent: every loss after the first byte, and every contradictory answer. Never re-sent automatically."""


REFUSALS: Final = frozenset(
    {OutcomeClass.REFUSED_BINDING, OutcomeClass.REFUSED_CAPABILITY, OutcomeClass.REFUSED_PERMANENT}
)
"""The provider answered and refused."""


class Reason(StrEnum):
    """Why a call ended as it did, within its outcome class. The values are stored and answered.

    A gateway can give no other reason, so no breaker and no rule waits for a reason that never comes. In addition to the
    members there is one reason for each HTTP status, such as ``HTTP_503`` (`of_status`).
    """

    # NOT_SENT: no byte left us.
    POOL = "POOL"
    """No connection came free in time."""
    DNS = "DNS"
    CONNECT = "CONNECT"
    TLS = "TLS"
    TOO_LATE = "TOO_LATE"
    """The time in which the first byte had to leave was over."""
    COMMIT_LOST = "COMMIT_LOST"
    """The store did not answer whether it took the intent, so the call was not made."""
    FENCED = "FENCED"
    """The binding was changed after the intent was stored: the call was not made."""
    UNBUILDABLE = "UNBUILDABLE"
    """The gateway could not build the request: counted as a handling failure of the message."""

    MEDIA_EXPIRED = "MEDIA_EXPIRED"
    """The provider does not know the handle of a file any more: nothing was sent, and a new upload is needed."""

    CLOSED = "CLOSED"
    """The client was closed: before (NOT_SENT) or during the exchange (UNCERTAIN)."""

    # UNCERTAIN: a byte may have left us.
    WRITE = "WRITE"
    READ = "READ"
    DEADLINE = "DEADLINE"
    """The total deadline of the call passed."""
    PROTOCOL = "PROTOCOL"
    """The answer was not HTTP/1.x."""
    OVERSIZE = "OVERSIZE"
    """The answer was over its cap."""
    TRANSPORT = "TRANSPORT"
    """The transport itself raised."""

    # The provider answered.
    CODE = "CODE"
    """With a code that a table knows."""
    UNKNOWN_CODE = "UNKNOWN_CODE"
    """With a code that no table knows."""
    UNREADABLE = "UNREADABLE"
    """With success, and nothing that can be read."""
    CONTRADICTION = "CONTRADICTION"
    """With a message id and an error, or with an error and a success."""
    NO_ID = "NO_ID"
    """With success, and no message id."""
    LEFT_OUT = "LEFT_OUT"
    """It accepted a mass send, and left this recipient out."""
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    """It said, before the call, that this recipient gets no mass send."""
    SERVER_FAILED = "SVR_FAIL"
    """It accepted the message and says that its server failed."""
    REUSED_ID = "REUSED_ID"
    """With the message id of another attempt."""

    # Our own reasons: no answer of a provider was recorded.
    LEASE_EXPIRED = "LEASE_EXPIRED"
    SHUTDOWN = "SHUTDOWN"
    GATEWAY_RAISED = "GATEWAY_RAISED"
    UNRECORDED = "UNRECORDED"
    """Our own rules raised on the answer."""
    NO_GATEWAY = "NO_GATEWAY"
    """This process has no gateway for the provider."""
    RESTORED = "RESTORED"
    """The store was restored from a backup; what happened since is unknown."""
    ABSENT = "ABSENT"
    """The complete stream of the account does not have it (NOT_SENT, in place of what was uncertain)."""

    @classmethod
    def of_status(cls, status: int) -> Self:
        """What an HTTP status alone says: ``HTTP_<status>``."""
        return cls._word(f"{_HTTP}{status}")

    @classmethod
    def stored(cls, text: str) -> Self:
        """A stored reason. A word that this version does not know, such as an older one, stays as it is."""
        try:
            return cls(text)
        except ValueError:
            return cls._word(text)

    @property
    def is_client_error(self) -> bool:
        """Whether it is an HTTP status 4xx."""
        return self.startswith(f"{_HTTP}4")

    @classmethod
    def _word(cls, text: str) -> Self:
        """A reason that is no member."""
        word = str.__new__(cls, text)
        word._name_ = word._value_ = text
        return word


_HTTP: Final = "HTTP_"

INPUT_REFUSALS: Final = frozenset({Reason.CODE, *map(Reason.of_status, (400, 413, 422))})
"""Reasons of a permanent refusal that the message causes: a code that a table knows, or the provider's validation."""


class FailureReason(StrEnum):
    """Why a message is FAILED. The values are stored and answered; a message that no binding could take has a `RefusalKind`."""

    REFUSED_PERMANENT = "REFUSED_PERMANENT"
    REFUSED_CAPABILITY = "REFUSED_CAPABILITY"
    POISON = "POISON"
    """It could not be handled at all."""
    SEND_FAILED_LATER = "SEND_FAILED_LATER"
    """It counted as sent or as perhaps sent, and what came later proves that it was not: a report of the server, or an answer."""
    UNRESOLVED = "UNRESOLVED"
    """It was perhaps sent, and no evidence came."""
    NOT_SENT_BY_PERSON = "NOT_SENT_BY_PERSON"
    """It was perhaps sent, and a person says that it was not."""
    ONCE_A_DAY = "ONCE_A_DAY"
    """A customer gets one mass send of an account a day, and had another one: nothing was sent."""
    RECALL_ASKED = "RECALL_ASKED"
    """A recall was requested, and nothing was sent."""
    MEDIA_EXPIRED = "MEDIA_EXPIRED"
    """The provider refused its own handle of a file again, right after a new upload."""
