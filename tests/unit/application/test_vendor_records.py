"""What the vendor's callbacks do to a message, from their JSON to its status (P-12, ADR 24)."""

import itertools
import json
from typing import Any, Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, NOW, a_receipt, an_outcome

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.domain.ids import MessageId, ProviderMessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason

OWN: Final = "1688850000000042"
ID: Final = ProviderMessageId("4711")
ACCEPTED: Final = an_outcome(
    OutcomeClass.ACCEPTED, receipt=a_receipt(ID, sender_id=OWN, app_info_key=None, sent_at=None)
)
TIMED_OUT: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)

PRIVATE, HAS_READ, READ_RECEIPT, REVOKE = 1 << 24, 1 << 2, 1 << 17, 1 << 5
SEND_FAIL, SERVER_RETRY_OK = 1 << 22, 1 << 25

_serial = itertools.count(1)


def record(**changes: Any) -> dict[str, Any]:
    """An own text to the conversation of `accept_text`; a change to None leaves the field out."""
    fields = {
        "seq": str(next(_serial)),
        "id": ID,
        "referid": "0",
        "flag": PRIVATE,
        "msg_type": 2,
        "content_type": 2,
        "sender": OWN,
        "receiver": "1001",
        "roomid": "0",
        "sendtime": NOW // 1000,
        "send_flag": 1,
        "content": "hello",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def changed(**changes: Any) -> dict[str, Any]:
    """A record of its own id that changes the message."""
    return record(**{"id": "4799", "referid": ID, "content": None} | changes)


async def come(app: InMemoryApp, *records: dict[str, Any]) -> None:
    """Each in a callback of its own, and projected before the next."""
    for data in records:
        await app.ingesting(json.dumps({"guid": GUID, "notify_type": 11010, "data": data}).encode())
        await app.projector.project_pending()


def an_app() -> InMemoryApp:
    return InMemoryApp(reader=GuxingCallbackReader())


async def status_after(*records: dict[str, Any], outcome: AttemptOutcome = ACCEPTED) -> MessageStatus:
    """The status of a message that was sent with this outcome, after these records."""
    async with an_app() as app:
        message_id = await app.sent(outcome)
        await come(app, *records)
        return await status(app, message_id)


async def status(app: InMemoryApp, message_id: MessageId) -> MessageStatus:
    return (await app.message(message_id)).status


ECHO: Final = record()
FAILED: Final = record(flag=PRIVATE | SEND_FAIL)
RETRIED: Final = record(flag=PRIVATE | SERVER_RETRY_OK)
FAILED_AND_RETRIED: Final = record(flag=PRIVATE | SEND_FAIL | SERVER_RETRY_OK)
REVOKED: Final = record(flag=PRIVATE | REVOKE)


@pytest.mark.parametrize("records", list(itertools.permutations([ECHO, FAILED, RETRIED])))
async def test_a_failure_that_the_server_mended_is_delivered_in_any_order(records: tuple[dict[str, Any], ...]) -> None:
    assert await status_after(*records) is MessageStatus.DELIVERED


@pytest.mark.parametrize("records", list(itertools.permutations([FAILED, RETRIED])))
async def test_a_failure_and_its_retry_without_an_echo_are_delivered_in_both_orders(
    records: tuple[dict[str, Any], ...],
) -> None:
    assert await status_after(*records) is MessageStatus.DELIVERED
    assert await status_after(FAILED) is MessageStatus.FAILED
    assert await status_after(FAILED_AND_RETRIED) is MessageStatus.DELIVERED


@pytest.mark.parametrize("records", list(itertools.permutations([ECHO, FAILED, RETRIED])))
async def test_what_comes_before_the_answer_means_the_same(records: tuple[dict[str, Any], ...]) -> None:
    async with an_app() as app:
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await come(app, *records)
        assert await status(app, message_id) is MessageStatus.SENDING
        answer.set_result(ACCEPTED)
        await app.quiet()
        await app.projector.project_pending()
        assert await status(app, message_id) is MessageStatus.DELIVERED
        assert await app.inbox() == [InboxState.APPLIED] * 3


@pytest.mark.parametrize("revoked", [REVOKED, record(msg_type=1), changed(msg_type=1), changed(flag=REVOKE)])
@pytest.mark.parametrize("first", [True, False])
async def test_a_revoke_recalls_whatever_else_comes(*, revoked: dict[str, Any], first: bool) -> None:
    others = [ECHO, FAILED, RETRIED]
    assert await status_after(*([revoked, *others] if first else [*others, revoked])) is MessageStatus.RECALLED


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (changed(), MessageStatus.DELIVERED),
        (changed(id="0"), MessageStatus.DELIVERED),
        (record(referid=ID), MessageStatus.DELIVERED),
        (changed(flag=SEND_FAIL), MessageStatus.FAILED),
        (record(id=ID, referid="4700", flag=SEND_FAIL), MessageStatus.FAILED),
    ],
)
async def test_a_record_with_a_referid_updates_the_message_that_either_id_names(
    update: dict[str, Any], expected: MessageStatus
) -> None:
    """Whether `referid` names the record's own message or an earlier one is not documented."""
    async with an_app() as app:
        message_id = await app.sent(ACCEPTED)
        await come(app, update)
        message = await app.message(message_id)
        assert (message.status, message.attempts[0].provider_message_id) == (expected, ID)


async def test_an_update_with_the_id_of_its_echo_is_no_repetition_of_it() -> None:
    assert await status_after(ECHO, record(referid=ID, flag=PRIVATE | REVOKE)) is MessageStatus.RECALLED
    assert await status_after(ECHO, record(seq=ECHO["seq"], flag=PRIVATE | REVOKE)) is MessageStatus.RECALLED


@pytest.mark.parametrize("flag", [PRIVATE, PRIVATE | HAS_READ, READ_RECEIPT, REVOKE, SEND_FAIL])
@pytest.mark.parametrize("outcome", [ACCEPTED, TIMED_OUT], ids=["sent", "unknown"])
async def test_the_accounts_own_reading_proves_nothing_about_a_message(flag: int, outcome: AttemptOutcome) -> None:
    """It comes when a phone of the account opens the chat. Even with our text it has another id."""
    async with an_app() as app:
        message_id = await app.sent(outcome)
        before = await app.message(message_id)
        for content in (None, "hello"):
            read = record(id="4790", msg_type=1012, content_type=2001, send_flag=0, flag=flag, content=content)
            await come(app, read)
        after = await app.message(message_id)
        assert (after.status, after.version) == (before.status, before.version)
        assert await app.inbox() == [InboxState.ORPHAN] * 2


@pytest.mark.parametrize("flag", [HAS_READ, READ_RECEIPT, HAS_READ | READ_RECEIPT])
async def test_a_flag_of_reading_says_no_more_than_an_echo(flag: int) -> None:
    async with an_app() as app:
        message_id = await app.sent(ACCEPTED)
        await come(app, record(flag=PRIVATE | flag))
        assert await status(app, message_id) is MessageStatus.DELIVERED
        assert [note.kind for note in await app.reader.timeline(None, message_id)] == ["ECHO"]


def test_no_status_says_that_a_customer_has_read() -> None:
    assert not [status for status in MessageStatus if "READ" in status]


@pytest.mark.parametrize("msg_type", [None, 0, "0", 14, 17, 40, 99, 1011, 1012, 1500, -1])
@pytest.mark.parametrize("early", [True, False])
async def test_a_record_with_the_id_of_an_attempt_is_evidence_whatever_its_type(
    *, msg_type: object, early: bool
) -> None:
    """Where it is stored at once, and where it waited for the answer that names its id."""
    async with an_app() as app:
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        odd = record(msg_type=msg_type, content=None, send_flag=0)
        if early:
            await come(app, odd)
        answer.set_result(ACCEPTED)
        await app.quiet()
        if early:
            await app.projector.project_pending()
        else:
            await come(app, odd)
        assert await status(app, message_id) is MessageStatus.DELIVERED


@pytest.mark.parametrize("msg_type", [None, 0, 99, 1500])
@pytest.mark.parametrize(
    ("flag", "expected"), [(SEND_FAIL, MessageStatus.FAILED), (REVOKE, MessageStatus.RECALLED)], ids=["fail", "revoke"]
)
async def test_the_flag_of_a_record_without_a_known_type_counts(
    msg_type: object, flag: int, expected: MessageStatus
) -> None:
    assert await status_after(ECHO, record(msg_type=msg_type, flag=flag)) is expected
