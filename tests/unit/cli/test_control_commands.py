import json
from typing import Any

import pytest
from tests.support.apps.command_line import FakeService, good

from wework_message.entrypoints.cli.commands import control
from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api"
PAUSED = {
    "scope": "ACCOUNT",
    "id": "sales-7",
    "reason": "[b]wrong text",
    "since": "2026-11-24T12:06:03.000Z",
    "by": "Mei",
}


def bodies(app: FakeService) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in app.requests]


def test_what_is_paused_is_listed() -> None:
    shown = FakeService(answers=[good({"items": [PAUSED], "nextCursor": None})]).run("control", "list").stdout
    for text in ("11-24 12:06:03", "ACCOUNT", "sales-7", "[b]wrong text", "Mei"):
        assert text in shown
    nothing = FakeService(answers=[good({"items": [], "nextCursor": None})])
    assert "nothing is paused" in nothing.run("control", "list").stdout
    as_json = (
        FakeService(answers=[good({"items": [PAUSED], "nextCursor": None})]).run("control", "list", "--json").stdout
    )
    assert json.loads(as_json)["items"] == [PAUSED]


def test_a_pause_says_who_and_why() -> None:
    app = FakeService(answers=[good(PAUSED)])
    shown = app.run("control", "pause", "account", "sales-7", "--reason", "wrong text", "--by", "Mei").stdout
    assert [str(request.url) for request in app.requests] == [f"{ROOT}/control/pause"]
    assert bodies(app) == [{"scope": "ACCOUNT", "id": "sales-7", "reason": "wrong text", "by": "Mei"}]
    assert "account sales-7 is paused" in shown


def test_without_a_name_the_login_name_pauses_and_a_user_without_one_may_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError

    service = PAUSED | {"scope": "SERVICE", "id": None}
    for login, by in ((lambda: "li", {"by": "li"}), (nobody, {})):
        monkeypatch.setattr(control, "getuser", login)
        app = FakeService(answers=[good(service)])
        assert "the service is paused" in app.run("control", "pause", "service").stdout
        assert bodies(app) == [{"scope": "SERVICE"} | by]


@pytest.mark.parametrize(("resumed", "text"), [(True, "batch b goes on"), (False, "batch b was not paused")])
def test_a_resume_says_whether_it_was_paused(resumed: bool, text: str) -> None:
    app = FakeService(answers=[good({"scope": "BATCH", "id": "b", "resumed": resumed})])
    assert text in app.run("control", "resume", "batch", "b").stdout
    assert bodies(app) == [{"scope": "BATCH", "id": "b"}]


def test_an_unknown_scope_is_a_wrong_command_line() -> None:
    app = FakeService()
    assert app.run("control", "pause", "guid", "g").exit_code == ExitCode.USAGE
    assert app.requests == []


def cancelled(remaining: int, newly: int = 50, **changes: Any) -> Any:
    return good({
        "batchId": "b/1", "total": 120, "cancelled": 110 - remaining, "sent": 7, "inFlight": 2, "ended": 1,
        "remaining": remaining, "newlyCancelled": newly, "done": remaining == 0,
    } | changes)  # fmt: skip


def test_a_cancel_goes_on_until_nothing_remains() -> None:
    app = FakeService(answers=[cancelled(60), cancelled(10), cancelled(0, 10)])
    ended = app.run("batches", "cancel", "b/1")
    assert [str(request.url) for request in app.requests] == [f"{ROOT}/messages/batches/b%2F1/cancel?limit=50"] * 3
    assert "110 of 120 cancelled, 7 already sent, 2 in flight, 1 failed or expired, 0 remain" in ended.stdout
    assert ended.exit_code == ExitCode.OK


def test_a_cancel_that_gets_no_further_ends_and_says_try_again() -> None:
    app = FakeService(answers=[cancelled(60), cancelled(60, 0)])
    ended = app.run("batches", "cancel", "b", "--json")
    assert json.loads(ended.stdout)["remaining"] == 60
    assert ended.exit_code == ExitCode.TRY_AGAIN
