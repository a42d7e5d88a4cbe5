import json

from tests.support.apps.command_line import FakeService

from wework_message.application.maintenance.verify_statuses import MAX_NAMED, Verified, VerifyStatuses
from wework_message.domain.ids import MessageId
from wework_message.domain.message.refold import Difference


def test_what_differs_is_named_and_ends_with_1() -> None:
    verified = Verified(messages=7, facts=5, records=3, unreadable=1)
    verified.add(MessageId("m-1"), Difference.STATUS)
    app = FakeService(verified=verified)
    ended = app.run("callbacks", "rebuild", "--verify", "--shuffle", "3")
    assert app.verifications == [VerifyStatuses(3)]
    assert ended.exit_code == 1
    for shown in ("7 messages, 5 facts and 3 applied records", "1 records cannot be read", "1 differ", "m-1", "STATUS"):
        assert shown in ended.stdout


def test_as_json_where_nothing_differs() -> None:
    ended = FakeService(verified=Verified(messages=2)).run("callbacks", "rebuild", "--verify", "--json")
    assert (ended.exit_code, json.loads(ended.stdout)) == (
        0, {"messages": 2, "facts": 0, "records": 0, "unreadable": 0, "different": 0, "differences": []},
    )  # fmt: skip


def test_more_than_can_be_named_are_counted() -> None:
    verified = Verified()
    for number in range(MAX_NAMED + 2):
        verified.add(MessageId(f"m-{number}"), Difference.FACTS)
    assert len(verified.named) == MAX_NAMED
    assert "... and 2 more" in FakeService(verified=verified).run("callbacks", "rebuild", "--verify").stdout


def test_it_repairs_nothing_and_says_so() -> None:
    app = FakeService()
    ended = app.run("callbacks", "rebuild")
    assert (ended.exit_code, app.verifications) == (64, [])
    assert "--verify" in ended.stderr
