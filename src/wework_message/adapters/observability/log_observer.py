"""Writes events to the log. It runs after the commit, on the event loop, and must be cheap."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

from wework_message.adapters.observability.json_lines import trace_field
from wework_message.adapters.observability.logs import LogHandle, WriteLines
from wework_message.adapters.observability.metrics import NOTIFY_TYPES
from wework_message.adapters.observability.repeated_lines import RepeatedLines
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import MessageStatus, Moved
from wework_message.domain.media.outcome import LATER, MADE, MediaOutcome
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.sent_message import DELIVERED, SentMessage
from wework_message.domain.outcomes import FailureReason
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.standby import StandbyEvent
from wework_message.domain.stream import PullOutcome
from wework_message.domain.webhooks.delivery import DeliveryState

_SENDING: Final = MessageStatus.SENDING
_LEVELS: Final = {
    MessageStatus.FAILED: "ERROR",
    MessageStatus.UNKNOWN: "WARNING",
    MessageStatus.RETRY_WAIT: "WARNING",
    MessageStatus.EXPIRED: "WARNING",
}
_CLIENT_ERROR, _SERVER_ERROR, _UNAVAILABLE = 400, 500, 503
_WEBHOOK: Final = "/api/callbacks/webhook"
_FAILED: Final = ("http.failed", "request failed")
_REFUSED: Final = ("http.refused", "request is refused")
_REFUSED_CALLBACK: Final = ("callback.rejected", "callback request is refused")
_KNOWN_TYPES: Final = frozenset(map(int, NOTIFY_TYPES))


class LoggingObserver:
    """Writes one line per state change: with the ids of message, instance and request, without content, conversation or ids of people."""

    def __init__(self, logs: LogHandle, repeated: RepeatedLines | None = None) -> None:
        """Texts about sends contain ``sendMessage``, about callbacks ``callback``. `repeated` gets what anybody can cause as often as they like."""
        self._repeated = RepeatedLines() if repeated is None else repeated
        self._facts = logs.facts
        self._log_accepted = logs.template("INFO", "message.accepted", "sendMessage accepted")
        self._log_delivered = _moved_template(logs, DELIVERED.before, DELIVERED.after, by_callback=True)
        self._log_moved = cache(partial(_moved_template, logs))

    def accepted(self, messages: Sequence[Message]) -> None:
        self._log_accepted(
            *[
                {
                    "messageId": message.id,
                    "tenantId": message.tenant_id,
                    **_origin(message),
                    "type": message.message_type,
                    "mode": message.mode,
                    "after": message.lifecycle.status,
                    **trace_field(message.trace),
                }
                for message in messages
            ]
        )

    def moved(self, message: Message, move: Moved) -> None:
        """The statuses and the reason; after a call also the provider, the outcome and the duration."""
        after = move.after
        fields: dict[str, Any] = {
            "messageId": message.id,
            "tenantId": message.tenant_id,
            **_origin(message),
            "type": message.message_type,
            "before": move.before,
            "after": after,
        }
        if move.reason is not None:
            fields["reason"] = move.reason
        if after is _SENDING:
            fields["ageMs"] = message.attempts[-1].started_at - message.accepted_at
        if message.attempts:
            _add_attempt(fields, message.attempts[-1], move)
        fields |= trace_field(message.trace)
        self._log_moved(move.before, after, _by_callback(message, move))(fields)

    def delivered(self, messages: Sequence[SentMessage]) -> None:
        """As `moved`."""
        self._log_delivered(
            *[
                {
                    "messageId": message.id,
                    "tenantId": message.tenant_id,
                    "guid": message.guid,
                    "type": message.message_type,
                    "before": DELIVERED.before,
                    "after": DELIVERED.after,
                    "attempt": message.number,
                    "provider": message.provider_code,
                    **trace_field(message.trace),
                }
                for message in messages
            ]
        )

    def called(self, report: CallReport) -> None:
        """Only for DEBUG: the state change that follows has its own line."""
        self._facts.debug(
            "provider.called",
            text="sendMessage call ended",
            provider=report.provider_code,
            type=report.message_type,
            reason=report.reason,
            ms=round(report.elapsed_ms),
            **{"class": report.outcome},
        )

    def http_request(
        self, route: str, method: str, status: int, seconds: float, request_id: str, problem: Mapping[str, str] | None
    ) -> None:
        """An ERROR for each server error, a WARNING for each refusal.

        Refusals beyond some in a second have one line per route and status together, and so have those of a service that
        is overloaded or draining (503), and of callbacks.
        """
        if status < _CLIENT_ERROR:
            return
        is_callback = route.startswith(_WEBHOOK)
        event, text = _FAILED if status >= _SERVER_ERROR else _REFUSED_CALLBACK if is_callback else _REFUSED
        facts: dict[str, Any] = {
            "text": text,
            "requestId": request_id,
            "route": route,
            "method": method,
            "status": status,
            **(problem or {}),
            "ms": round(seconds * 1000),
        }
        if status >= _SERVER_ERROR and status != _UNAVAILABLE:
            self._facts.error(event, **facts)
            return
        put = self._repeated.put if is_callback or status == _UNAVAILABLE else self._repeated.put_each
        put((route, status), partial(self._facts.warning, event, **facts))

    def callbacks(self, notify_type: int, result: str, count: int, guid: Guid | None = None) -> None:
        """One line per type, result and second, with the instance of the last. Anybody may name types that nobody knows: they share a line, which has the last of them."""
        if count == 0:
            return
        is_failure = result in ("refused", "quarantined", "failed")
        log = self._facts.warning if is_failure else self._facts.info
        text = f"callback {notify_type} {result}"
        kind = ("callback.handled", notify_type if notify_type in _KNOWN_TYPES else None, result)
        fields = {"text": text, "type": notify_type, "result": result, **_named(guid)}
        self._repeated.put(kind, partial(log, "callback.handled", **fields), count)

    def misfits(self, misfit: Misfit, count: int, guid: Guid | None = None) -> None:
        """One line per cause and second: somebody may be forging callbacks."""
        self._warn_of_callbacks("callback.misfit", "callback names a message that it does not fit", count, misfit, guid)

    def quarantined(self, reason: QuarantineReason, count: int, guid: Guid | None = None) -> None:
        """One line per reason and second."""
        self._warn_of_callbacks("callback.quarantined", "callback cannot be used", count, reason, guid)

    def foreign_ids(self, count: int) -> None:
        """Somebody may be counting ids up; after an account was offline for long, its history comes like this too."""
        self._warn_of_callbacks("callback.foreign_ids", "callback names many messages that are none of ours", count)

    def callbacks_refused(self, refusal: CallbackRefusal, count: int) -> None:
        """One line per reason and second at most: a guessed path is nothing to act on, a provider's old URL is."""
        self._facts.warning(
            "callback.refused", text="callback of somebody who may not bring it", reason=refusal, count=count
        )

    def _warn_of_callbacks(
        self, event: str, text: str, count: int, reason: str | None = None, guid: Guid | None = None
    ) -> None:
        fields = {"text": text, **({} if reason is None else {"reason": reason}), **_named(guid)}
        self._repeated.put((event, reason), partial(self._facts.warning, event, **fields), count)

    def degraded(self, provider_code: ProviderCode, binding_id: BindingId, *, ended: bool) -> None:
        """A warning, and a line when it has ended: callbacks of the instance do not arrive, or nothing of it is sent."""
        if ended:
            self._facts.info(
                "binding.echoes",
                text="sends of the instance are seen again",
                provider=provider_code,
                binding=binding_id,
            )
        else:
            self._facts.warning(
                "binding.degraded", text="sends of the instance are accepted and not seen again",
                provider=provider_code, binding=binding_id,
            )  # fmt: skip

    def pulled(
        self, provider_code: ProviderCode, outcome: PullOutcome, *, new: int, known: int, lag_ms: int | None
    ) -> None:
        """There is one a second: what cannot be read is logged once where it is pulled, the rest are metrics."""

    def standby(self, account_id: AccountId, event: StandbyEvent) -> None:
        """A warning, unless a standby took over."""
        log = self._facts.info if event is StandbyEvent.ACTIVATED else self._facts.warning
        log("account.standby", text=_STANDBY_TEXTS[event], account=account_id, result=event)

    def webhook(self, outcome: OutboundOutcome, state: DeliveryState) -> None:
        """Only what is given up: the deliveries of an endpoint show every attempt's end."""
        if state is DeliveryState.FAILED:
            self._facts.warning("webhook.failed", text="an event was not delivered to a client", result=outcome)

    def media(self, provider_code: ProviderCode | None, outcome: MediaOutcome, *, seconds: float, size: int) -> None:  # noqa: ARG002 -- metrics have them
        """Only what is final, without the URL: the messages that need it fail."""
        if outcome not in (MADE, LATER):
            kind = "upload" if provider_code is not None else "fetch"
            self._facts.warning(
                "media.failed", text=f"the {kind} of a file failed for good", provider=provider_code, result=outcome
            )

    def spooled(self, count: int) -> None:
        """A gauge."""

    def unspooled(self, count: int) -> None:
        """A gauge; the spool itself logs why."""

    def intake(self, result: str, reason: str | None) -> None:
        """Dead letters only: a stored message has its own line, and the waiting consumer logs once that the store is away."""
        if result == "dead":
            self._facts.warning("intake.dead", text="sendMessage from the queue is a dead letter", reason=reason)


_STANDBY_TEXTS: Final = {
    StandbyEvent.ACTIVATED: "the account sends through a binding that was WARM",
    StandbyEvent.SLOT_OCCUPIED: "a standby of the account was not activated: its slot is occupied",
    StandbyEvent.NOT_LOGGED_IN: "a standby of the account did not log in",
    StandbyEvent.NEEDS_PERSON: "the account has no binding left: log one in, or bind another",
}


def _moved_template(logs: LogHandle, before: MessageStatus, after: MessageStatus, by_callback: bool) -> WriteLines:
    text = f"sendMessage {before} -> {after}{' by callback' if by_callback else ''}"
    return logs.template(_LEVELS.get(after, "INFO"), "message.moved", text)


def _named(guid: Guid | None) -> Mapping[str, str]:
    return {} if guid is None else {"guid": guid}


def _origin(message: Message) -> Mapping[str, str]:
    """Whom it is sent as: the instance of its newest call, else the one that the client named, else the account; and the request."""
    last = message.attempts.last
    guid = message.guid if last is None else last.guid
    origin: dict[str, str] = {"accountId": message.account_id} if guid is None else {"guid": guid}
    if message.request_id is not None:
        origin["requestId"] = message.request_id
    return origin


def _add_attempt(fields: dict[str, Any], attempt: Attempt, move: Moved) -> None:
    fields["attempt"] = attempt.number
    fields["provider"] = attempt.provider_code
    outcome = attempt.outcome
    if outcome is not None and move.before is _SENDING and move.after is not _SENDING:
        fields["class"] = outcome.kind
        if outcome.reason is not None:
            fields["cause"] = outcome.reason
        if outcome.error_code is not None:
            fields["errorCode"] = outcome.error_code
        if attempt.ended_at is not None:
            fields["ms"] = attempt.ended_at - attempt.started_at


def _by_callback(message: Message, move: Moved) -> bool:
    """Whether a stream record caused the move: an echo, a revoke, or a failure after acceptance."""
    if move.after is MessageStatus.DELIVERED:
        return move.before is not MessageStatus.RECALLING
    if move.after is MessageStatus.RECALLED:
        return bool(message.recall.confirmed)
    return move.reason == FailureReason.SEND_FAILED_LATER
