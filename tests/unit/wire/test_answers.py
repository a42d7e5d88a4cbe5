from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from tests.support.builders.messages import BACKUP, GUID, NOW, PROVIDER, a_message, a_receipt, an_attempt, an_outcome

from wework_message.application.queries.providers import ProviderStats, ProviderView
from wework_message.application.queries.statuses import never
from wework_message.domain.content import LinkContent
from wework_message.domain.failed_messages import FailureFilter, FailureGroup
from wework_message.domain.ids import DEFAULT_TENANT, BatchId, BindingId, MessageId, ReplayId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.decision import Considered, Decision
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.health import ProviderHealth
from wework_message.domain.ports.queries import BatchView, CallbackView, MessageView
from wework_message.domain.replay import ItemState, Replay, ReplayItem, ReplayState, Selection
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.entrypoints.wire.answers.batches import BatchAnswer, BatchItemAnswer, batch_progress
from wework_message.entrypoints.wire.answers.callbacks import callback_answer
from wework_message.entrypoints.wire.answers.messages import message_answer
from wework_message.entrypoints.wire.answers.providers import (
    provider_answer,
    provider_health,
    providers_stats,
    totals,
)
from wework_message.entrypoints.wire.answers.replays import failure_group, replay_progress
from wework_message.entrypoints.wire.answers.statuses import (
    AsyncAnswer,
    group_answer,
    is_simulated,
    listed_message,
    send_answer,
    status_answer,
)
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.problems import FieldProblem

GOLDEN: Final = Path(__file__).parents[2] / "golden" / "answers"

BINDING = BindingId("bind-1")
DECISION = Decision(
    (
        Considered(BINDING, GUID, PROVIDER, score=0.93),
        Considered(BindingId("bind-2"), GUID, BACKUP, excluded="OFFLINE"),
    ),
    BINDING,
    "ONLY_CANDIDATE",
)
RECEIPT = a_receipt(
    "1000001",
    seq="7000001",
    app_info="Q0lEQQ==",
    sent_at=NOW + 80,
    sender_id="1688850000000001",
    receiver_id="7881301000000001",
    room_id="0",
    message_type=2,
    content_type=2,
    content="aGVsbG8=",
    sender_name="5bCP546L",
    dev_info="131075",
    is_svr_fail=False,
)


def accepted(**changes: Any) -> AttemptOutcome:
    return an_outcome(OutcomeClass.ACCEPTED, receipt=RECEIPT, **changes)


def the_message(*outcomes: AttemptOutcome | None, **changes: Any) -> Message:
    """A message with one attempt per outcome, a second apart; None = its call is open."""
    attempts = []
    for number, outcome in enumerate(outcomes, start=1):
        at = NOW + 1000 * number
        attempt = an_attempt(number=number, binding_id=BINDING, started_at=at, decision=DECISION)
        if outcome is not None:
            attempt.close(outcome, at=at + 87)
        attempts.append(attempt)
    fields: dict[str, Any] = {
        "id": MessageId("0197c2b2-7c1f-7c3e-9d5a-0123456789ab"),
        "attempts": attempts,
        "updated_at": NOW + 5000,
        "extra": {"orderId": 42},
        "client_message_id": "order-42",
        "campaign_id": "spring",
    }
    return a_message(**fields | changes)


SENT = the_message(an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT), accepted(), status=MessageStatus.SENT)
FAILED = the_message(
    an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=-2003, error_message="bad conversation id"),
    status=MessageStatus.FAILED,
    reason="CODE",
    confirmed=True,
)
QUEUED = the_message()
HELD = the_message(status=MessageStatus.HELD, reason="BUDGET")

NOTES = [
    Note("HELD", NOW + 500, detail="BUDGET"),
    Note("ECHO", NOW + 3000, attempt=2, event_key="e", source="callback"),
]

PROVIDER_ONE = Provider(PROVIDER, "广州孤星", Capabilities(frozenset({"TEXT", "LINK"})), "guxing", simulated=True)
PROVIDER_TWO = Provider(BACKUP, "备用", Capabilities(frozenset({"TEXT"})), "guxing", enabled=False, priority=2)
PROVIDERS = {PROVIDER: PROVIDER_ONE, BACKUP: PROVIDER_TWO}
VIEWS = [
    ProviderView(PROVIDER_ONE, "http://localhost:19000", ProviderHealth(PROVIDER, True, NOW, "CLOSED", 87.0, 120.5)),
    ProviderView(PROVIDER_TWO, None, ProviderHealth(BACKUP, None, None, "CLOSED", None, None)),
]
STATS = {
    PROVIDER: ProviderStats(PROVIDER, 4, 3, {"TEXT": 4}, {"ACCEPTED": 3, "UNCERTAIN": 1}),
    BACKUP: ProviderStats(BACKUP, 0, 0, {}, {}),
}
REPLAY = Replay(
    ReplayId("0197c2b2-7c1f-7c3e-9d5a-00000000000c"), DEFAULT_TENANT,
    Selection(FailureFilter("REFUSED_PERMANENT", PROVIDER, -2003, "acc-1", NOW, NOW + 1_000), unconfirmed=True), 2_500,
    dry_run=False, created_at=NOW, state=ReplayState.DONE, total=5, unconfirmed=0, replayed=4, skipped=1, failed=2, open=1,
    finished_at=NOW + 2_000,
)  # fmt: skip
BATCH = BatchId("0197c2b2-7c1f-7c3e-9d5a-00000000000b")


def view(message: Message, next_attempt_at: int | None = None) -> MessageView:
    return MessageView(message, next_attempt_at)


ANSWERS: Final[dict[str, Any]] = {
    "send": send_answer(SENT, request_id="r-1", duplicate=False, simulated=True),
    "send-refused": send_answer(FAILED, request_id="r-1", duplicate=True, simulated=False),
    "send-open": send_answer(QUEUED, request_id="r-1", duplicate=False, simulated=False),
    "send-group": group_answer(BATCH, [view(the_message(index=0)), view(the_message(index=1))]),
    "async": AsyncAnswer(
        message_id=SENT.id, account_id=SENT.account_id, status="SCHEDULED", duplicate=False, scheduled_at=iso(NOW), status_url="/api/messages/x/status"
    ),
    "batch": BatchAnswer(
        batch_id=BATCH,
        mode="FANOUT",
        accepted=1,
        rejected=1,
        items=(
            BatchItemAnswer(0, SENT.id, "QUEUED"),
            BatchItemAnswer(
                1,
                error="VALIDATION_FAILED",
                errors=(FieldProblem("messages[1].content", "REQUIRED", "must not be empty"),),
            ),
        ),
    ),
    "batch-progress": batch_progress(
        BatchView(BATCH, "FANOUT", 2, {MessageStatus.SENT: 1, MessageStatus.QUEUED: 1}, NOW, None),
        [view(the_message(batch_id=BATCH, index=0))],
        providers=PROVIDERS,
        paused=never, next_cursor="MA",
    ),
    "status": status_answer(view(SENT), simulated=True),
    "status-held": status_answer(view(HELD, NOW + 60_000), simulated=False),
    "listed": listed_message(view(FAILED), simulated=False),
    "message": message_answer(view(SENT), NOTES, simulated=True),
    "callback": callback_answer(
        CallbackView(7, PROVIDER, GUID, 11010, '{"guid":"guid-a","notify_type":11010,"data":{"id":"1"}}', NOW, "APPLIED", SENT.id)
    ),
    "failure-group": failure_group(FailureGroup("REFUSED_PERMANENT", PROVIDER, -2003, 3, 1, NOW, NOW + 80, (FAILED.id, QUEUED.id))),
    "replay": replay_progress(REPLAY, [ReplayItem(SENT.id, ItemState.SKIPPED, "SENT")]),
    "provider": provider_answer(VIEWS[0]),
    "provider-unobserved": provider_answer(VIEWS[1]),
    "provider-health": provider_health(VIEWS[0]),
    "provider-stats": providers_stats(VIEWS, STATS),
    "provider-totals": totals(VIEWS),
}  # fmt: skip


def as_json(answer: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n"


def as_dict(name: str) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(ANSWERS[name]))
    return answer


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_is_as_it_always_was(name: str) -> None:
    assert as_json(ANSWERS[name]) == (GOLDEN / f"{name}.json").read_text()


def test_every_golden_answer_is_still_given() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == ANSWERS.keys()


INTEGER, TEXT, TRUTH, MAP, LIST = int, str, bool, dict, list

JAVA: Final[dict[str, dict[str, type]]] = {
    "send": {
        **dict.fromkeys(("success", "isSvrFail"), TRUTH),
        **dict.fromkeys(("errorCode", "messageType", "contentType", "duration"), INTEGER),
        **dict.fromkeys(
            (
                "errorMessage", "messageId", "messageSeq", "sendTime", "senderId", "receiverId", "roomId", "content",
                "senderName", "devInfo", "appInfo", "extraContent", "providerCode", "requestId",
            ),
            TEXT,
        ),
        "extra": MAP,
    },
    "status": {
        "messageId": TEXT, "success": TRUTH, "errorCode": INTEGER, "errorMessage": TEXT, "updateTime": TEXT,
        "status": TEXT,
    },
    "provider": {
        "code": TEXT, "name": TEXT, "enabled": TRUTH, "priority": INTEGER, "healthy": TRUTH, "apiUrl": TEXT,
        "supportedFeatures": LIST,
    },
    "provider-health": {"providerCode": TEXT, "providerName": TEXT, "healthy": TRUTH, "checkTime": INTEGER},
    "provider-stats": {"total": INTEGER, "enabled": INTEGER, "healthy": INTEGER, "providers": LIST},
    "callback": {
        "guid": TEXT, "notifyType": INTEGER, "callbackType": TEXT, "data": MAP, "receiveTime": TEXT, "rawData": TEXT,
    },
}  # fmt: skip
"""The Java service's fields and their types."""


VARIANTS: Final = {
    "send": ("send", "send-refused", "send-open"),
    "status": ("status", "status-held", "listed"),
    "provider": ("provider", "provider-unobserved"),
    "provider-health": ("provider-health",),
    "provider-stats": ("provider-stats", "provider-totals"),
    "callback": ("callback",),
}


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name in JAVA for variant in VARIANTS[name]])
def test_an_answer_parses_into_javas_types(name: str, variant: str) -> None:
    answer = as_dict(variant)
    for field, kind in JAVA[name].items():
        assert field in answer
        assert answer[field] is None or type(answer[field]) is kind, field


def test_java_fields_are_filled_where_the_provider_accepted() -> None:
    answer = as_dict("send")
    assert [name for name in JAVA["send"] if answer[name] is None] == ["extraContent"]


@pytest.mark.parametrize(
    ("status", "state", "success", "final"),
    [
        ("ACCEPTED", "pending", None, False),
        ("SCHEDULED", "pending", None, False),
        ("HELD", "pending", None, False),
        ("QUEUED", "pending", None, False),
        ("RETRY_WAIT", "pending", None, False),
        ("SENDING", "sending", None, False),
        ("UNKNOWN", "sending", None, False),
        ("SENT", "sent", True, False),
        ("RECALLING", "sent", None, False),
        ("RECALLED", "sent", None, True),
        ("DELIVERED", "delivered", True, True),
        ("FAILED", "failed", False, True),
        ("EXPIRED", "failed", False, True),
        ("CANCELLED", "failed", False, True),
    ],
)
def test_old_clients_see_five_states(status: str, state: str, success: bool | None, final: bool) -> None:
    answer = status_answer(view(the_message(status=MessageStatus(status))), simulated=False)
    assert (answer.status, answer.state, answer.success, answer.final) == (status, state, success, final)


def test_every_status_is_in_that_table() -> None:
    assert len(MessageStatus) == 14


@pytest.mark.parametrize(
    ("status", "shown"), [("HELD", True), ("RETRY_WAIT", True), ("SENDING", False), ("QUEUED", False)]
)
def test_a_lease_or_a_place_in_a_lane_is_no_next_attempt(status: str, shown: bool) -> None:
    answer = status_answer(view(the_message(status=MessageStatus(status)), NOW), simulated=False)
    assert (answer.next_attempt_at is not None) is shown


def test_the_attempt_that_has_a_provider_id_is_shown_before_a_newer_one_without() -> None:
    lost = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
    answer = status_answer(view(the_message(accepted(), lost, status=MessageStatus.SENT)), simulated=False)
    assert (answer.provider_message_id, answer.error_code) == ("1000001", 0)


@pytest.mark.parametrize(
    ("message", "simulated"),
    [
        (the_message(), True),
        (the_message(accepted()), True),
        (the_message(provider_code=BACKUP), False),
        (the_message(provider_code="GONE"), False),
    ],
)
def test_simulated_is_what_its_provider_is(message: Message, simulated: bool) -> None:
    assert is_simulated(message, PROVIDERS) is simulated


def test_the_timeline_is_in_the_order_of_time_whatever_the_notes_order() -> None:
    message = the_message(accepted(), accepted_at=NOW)
    notes = [Note("LATER", NOW + 2000), Note("SAME_TIME", NOW), Note("BETWEEN", NOW + 1000, attempt=1)]
    kinds = [entry.kind for entry in message_answer(view(message), notes, simulated=False).timeline]
    assert kinds == ["ACCEPTED", "SAME_TIME", "ATTEMPT_STARTED", "BETWEEN", "ATTEMPT_ENDED", "LATER"]


def test_an_open_call_has_begun_and_not_ended() -> None:
    answer = message_answer(view(the_message(None, status=MessageStatus.SENDING)), [], simulated=False)
    assert [entry.kind for entry in answer.timeline] == ["ACCEPTED", "ATTEMPT_STARTED"]
    assert (answer.attempts[0].outcome, answer.attempts[0].ended_at) == (None, None)


def test_content_comes_back_with_its_type_and_every_field() -> None:
    link = LinkContent(link_title="t", link_url="https://a.example")
    answer = message_answer(view(the_message(content=link)), [], simulated=False)
    assert msgspec.json.decode(msgspec.json.encode(answer))["content"] == {
        "messageType": "LINK",
        "linkTitle": "t",
        "linkUrl": "https://a.example",
        "linkDescription": "",
        "linkImageUrl": "",
    }


@pytest.mark.parametrize("raw", ["", "{", "[1]", '{"data":', "\x00"])
def test_a_stored_callback_that_cannot_be_read_has_no_data(raw: str) -> None:
    answer = callback_answer(CallbackView(1, PROVIDER, GUID, 5, raw, NOW, "QUARANTINED", None))
    assert (answer.data, answer.raw_data, answer.callback_type) == (None, raw, "SYSTEM_NOTIFICATION")


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_754_648_130_123, "2025-08-08T10:15:30.123Z"),
        (None, None),
    ],
)
def test_instants_have_milliseconds_and_z(ms: int | None, text: str | None) -> None:
    assert iso(ms) == text


def test_facts_stand_in_the_timeline_by_their_names() -> None:
    notes = [Note(kind, NOW + 9000, attempt=1, source="callback") for kind in FactKind]
    entries = message_answer(view(the_message(accepted())), notes, simulated=False).timeline[-len(FactKind) :]
    assert [entry.kind for entry in entries] == [str(kind) for kind in FactKind]
    assert {entry.provider_code for entry in entries} == {PROVIDER}
