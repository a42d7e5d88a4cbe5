import json
from typing import Any

from tests.support.apps.command_line import FakeService, good

from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api/callbacks"


def a_callback(number: int = 7, **changes: Any) -> dict[str, Any]:
    return {
        "guid": "guid-a", "notifyType": 11013, "callbackType": "MESSAGE_SYNC", "data": 1, "rawData": '{"data":1}',
        "receiveTime": "2026-11-24T12:06:03.000Z", "callbackId": str(number), "state": "QUARANTINED", "messageId": None,
    } | changes  # fmt: skip


def test_the_quarantine_is_listed_page_by_page() -> None:
    pages = [
        good({"items": [a_callback(number) for number in range(60)], "nextCursor": "one"}),
        good({"items": [a_callback(99, rawData=None)], "nextCursor": None}),
    ]
    app = FakeService(answers=list(pages))
    shown = app.run("callbacks", "quarantine", "--limit", "120", "--guid", "guid-a").stdout
    assert [str(request.url) for request in app.requests] == [
        f"{ROOT}/quarantine?limit=100&guid=guid-a",
        f"{ROOT}/quarantine?limit=60&guid=guid-a&cursor=one",
    ]
    for text in ("11-24 12:06:03", "guid-a", "11013", "99", "10"):
        assert text in shown
    app = FakeService(answers=[good({"items": [a_callback()], "nextCursor": "two"})])
    assert "--cursor two" in app.run("callbacks", "quarantine", "--limit", "1").stdout
    app = FakeService(answers=[good({"items": [], "nextCursor": None})])
    assert "empty" in app.run("callbacks", "quarantine").stdout


def test_one_callback_is_shown_with_its_text_and_without_markup() -> None:
    app = FakeService(answers=[good(a_callback(rawData='{"data":"[bold]好"}'))])
    shown = app.run("callbacks", "show", "7/8").stdout
    assert str(app.requests[0].url) == f"{ROOT}/by-id/7%2F8"
    assert '{"data":"[bold]好"}' in shown
    as_json = FakeService(answers=[good(a_callback())]).run("callbacks", "show", "7", "--json").stdout
    assert json.loads(as_json) == a_callback()


def test_a_purge_goes_on_until_nothing_is_left() -> None:
    answers = [good({"deleted": 10_000, "more": True}), good({"deleted": 5, "more": False})]
    app = FakeService(answers=list(answers))
    ended = app.run("callbacks", "purge", "--yes", "--guid", "g", "--before", "2026-11-01T00:00:00Z", "--json")
    assert [request.method for request in app.requests] == ["DELETE", "DELETE"]
    assert str(app.requests[0].url) == f"{ROOT}/quarantine?guid=g&before=2026-11-01T00%3A00%3A00Z"
    assert json.loads(ended.stdout) == {"deleted": 10_005}


def test_a_purge_must_be_confirmed() -> None:
    app = FakeService()
    assert app.run("callbacks", "purge").exit_code == ExitCode.USAGE
    assert app.requests == []
    app = FakeService(answers=[good({"deleted": 1, "more": False})])
    assert "1 deleted" in app.run("callbacks", "purge", "--yes").stdout
