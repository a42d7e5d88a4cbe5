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


def test_what_is_parked_is_listed() -> None:
    app = FakeService(answers=[good({"items": [a_callback(state="PARKED")], "nextCursor": None})])
    assert "11013" in app.run("callbacks", "parked", "--guid", "guid-a").stdout
    assert str(app.requests[0].url) == f"{ROOT}/parked?limit=50&guid=guid-a"
    app = FakeService(answers=[good({"items": [], "nextCursor": None})])
    assert "nothing is parked" in app.run("callbacks", "parked").stdout


def test_callbacks_are_counted() -> None:
    kind = {"providerCode": "P", "notifyType": 11004, "callbackType": "LOGOUT", "state": "ORPHAN", "count": 3}
    states = [{"state": "ORPHAN", "count": 5000, "more": True}, {"state": "PARKED", "count": 0, "more": False}]
    data = {"states": states, "newest": [kind], "counted": 3, "since": "2026-11-24T12:06:03.000Z"}
    shown = FakeService(answers=[good(data)]).run("callbacks", "stats").stdout
    for text in ("more than 5000", "PARKED", "LOGOUT", "11004"):
        assert text in shown
    assert json.loads(FakeService(answers=[good(data)]).run("callbacks", "stats", "--json").stdout) == data


def a_step(replayed: int, cursor: str | None) -> Any:
    return good({"replayed": replayed, "dryRun": False, "more": cursor is not None, "nextCursor": cursor})


def test_a_replay_goes_on_until_nothing_is_left() -> None:
    app = FakeService(answers=[a_step(500, "one"), a_step(0, "two"), a_step(2, None)])
    ended = app.run("callbacks", "replay", "--since", "2026-11-01T00:00:00Z", "--guid", "g", "--state", "ORPHAN")
    assert "502 replayed" in ended.stdout
    assert [str(request.url) for request in app.requests] == [
        f"{ROOT}/replay", f"{ROOT}/replay?cursor=one", f"{ROOT}/replay?cursor=two"
    ]  # fmt: skip
    assert json.loads(app.requests[0].content) == {"since": "2026-11-01T00:00:00Z", "guid": "g", "state": "ORPHAN"}


def test_a_replay_pauses_where_too_many_wait_and_says_how_to_go_on() -> None:
    app = FakeService(answers=[a_step(500, "one"), a_step(0, "one")])
    assert "--cursor one" in app.run("callbacks", "replay", "--since", "2026-11-01T00:00:00Z").stdout
    app = FakeService(answers=[a_step(0, "one")])
    arguments = ("callbacks", "replay", "--since", "2026-11-01T00:00:00Z", "--cursor", "one", "--dry-run", "--json")
    assert json.loads(app.run(*arguments).stdout) == {"replayed": 0, "dryRun": True, "nextCursor": "one"}
    assert json.loads(app.requests[0].content)["dryRun"] is True
