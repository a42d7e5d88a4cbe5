import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.support.builders.messages import GUID, NOW, PROVIDER, a_due_message, a_sent_message

from wework_message.adapters.observability.observer import Observers
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import MessageStatus, Moved
from wework_message.domain.media.outcome import MADE, MediaOutcome
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.standby import StandbyEvent
from wework_message.domain.stream import PullOutcome
from wework_message.domain.webhooks.delivery import DeliveryState


class Recorder:
    def __init__(self, *, broken: bool = False) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._broken = broken

    def _record(self, *arguments: object) -> None:
        if self._broken:
            raise LookupError("broken")
        self.calls.append(arguments)

    def accepted(self, messages: Sequence[Message]) -> None:
        self._record(messages)

    def moved(self, message: Message, move: Moved) -> None:
        self._record(message, move)

    def delivered(self, messages: Sequence[SentMessage]) -> None:
        self._record(messages)

    def called(self, report: CallReport) -> None:
        self._record(report)

    def http_request(
        self, route: str, method: str, status: int, seconds: float, request_id: str, problem: Mapping[str, str] | None
    ) -> None:
        self._record(route, method, status, seconds, request_id, problem)

    def callbacks(self, notify_type: int, result: str, count: int, guid: Guid | None = None) -> None:
        self._record(notify_type, result, count, guid)

    def misfits(self, misfit: Misfit, count: int, guid: Guid | None = None) -> None:
        self._record(misfit, count, guid)

    def degraded(self, provider_code: ProviderCode, binding_id: BindingId, *, ended: bool) -> None:
        self._record(provider_code, binding_id, ended)

    def pulled(
        self, provider_code: ProviderCode, outcome: PullOutcome, *, new: int, known: int, lag_ms: int | None
    ) -> None:
        self._record(provider_code, outcome, new, known, lag_ms)

    def standby(self, account_id: AccountId, event: StandbyEvent) -> None:
        self._record(account_id, event)

    def webhook(self, outcome: OutboundOutcome, state: DeliveryState) -> None:
        self._record(outcome, state)

    def media(self, provider_code: ProviderCode | None, outcome: MediaOutcome, *, seconds: float, size: int) -> None:
        self._record(provider_code, outcome, seconds, size)

    def spooled(self, count: int) -> None:
        self._record(count)

    def unspooled(self, count: int) -> None:
        self._record(count)

    def quarantined(self, reason: QuarantineReason, count: int, guid: Guid | None = None) -> None:
        self._record(reason, count, guid)

    def foreign_ids(self, count: int) -> None:
        self._record(count)

    def callbacks_refused(self, refusal: CallbackRefusal, count: int) -> None:
        self._record(refusal, count)

    def intake(self, result: str, reason: str | None) -> None:
        self._record(result, reason)


def test_all_observers_get_everything_and_a_broken_one_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    first, last = Recorder(), Recorder()
    observers = Observers(first, Recorder(broken=True), last)
    message = a_due_message()
    sent = a_sent_message()
    move = Moved(MessageStatus.QUEUED, MessageStatus.SENDING, None)
    report = CallReport(PROVIDER, BindingId("b"), GUID, "TEXT", OutcomeClass.ACCEPTED, None, True, 1.0, NOW)
    observers.accepted([message])
    observers.moved(message, move)
    observers.delivered([sent])
    observers.called(report)
    observers.http_request("/api/messages/send", "POST", 200, 0.1, "r", None)
    observers.callbacks(11010, "new", 2, GUID)
    observers.misfits(Misfit.SENDER, 3, GUID)
    observers.quarantined(QuarantineReason.UNKNOWN_GUID, 6, GUID)
    observers.foreign_ids(500)
    observers.callbacks_refused(CallbackRefusal.BARE_PATH, 4)
    observers.intake("dead", "POISON")
    observers.degraded(PROVIDER, BindingId("b"), ended=False)
    observers.pulled(PROVIDER, PullOutcome.READ, new=1, known=2, lag_ms=3)
    observers.standby(AccountId("a"), StandbyEvent.NEEDS_PERSON)
    observers.webhook(OutboundOutcome.DELIVERED, DeliveryState.DELIVERED)
    observers.media(PROVIDER, MADE, seconds=0.5, size=7)
    expected = [
        ([message],), (message, move), ([sent],), (report,), ("/api/messages/send", "POST", 200, 0.1, "r", None), (11010, "new", 2, GUID),
        (Misfit.SENDER, 3, GUID), (QuarantineReason.UNKNOWN_GUID, 6, GUID), (500,), (CallbackRefusal.BARE_PATH, 4), ("dead", "POISON"), (PROVIDER, "b", False), (PROVIDER, "READ", 1, 2, 3), ("a", StandbyEvent.NEEDS_PERSON),
        ("DELIVERED", "DELIVERED"), (PROVIDER, MADE, 0.5, 7),
    ]  # fmt: skip
    assert first.calls == last.calls == expected
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 16
