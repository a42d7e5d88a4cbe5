import json
from typing import Any

import httpx
import pytest
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api/dead-letters/intake"


def a_letter(number: int = 7, **changes: Any) -> dict[str, Any]:
    errors = [{"path": path, "code": "REQUIRED", "message": "must be given"} for path in ("guid", "content", "guid")]
    return {
        "deadLetterId": str(number), "brokerMessageId": "AC11", "partId": "t/b/0/7/AC11", "key": "order-42", "reason": "VALIDATION_FAILED",
        "errors": errors, "size": 812, "deliveries": 1, "receivedAt": "2026-11-24T12:06:03.000Z", "replayedAt": None,
        "target": None,
    } | changes  # fmt: skip


def test_the_list_shows_reasons_and_fields() -> None:
    app = FakeService(answers=[good({"items": [a_letter()], "nextCursor": None})])
    shown = app.run("dlq", "list").stdout
    assert str(app.requests[0].url) == f"{ROOT}?limit=50"
    for text in ("7", "VALIDATION_FAILED", "guid, content", "order-42", "812", "11-24 12:06:03"):
        assert text in shown


def test_an_empty_list_says_so() -> None:
    assert "no dead letters" in FakeService(answers=[good({"items": [], "nextCursor": None})]).run("dlq", "list").stdout


def test_the_list_asks_page_by_page_and_shows_the_next_cursor() -> None:
    pages: list[httpx.Response | Exception] = [
        good({"items": [a_letter(n) for n in range(100)], "nextCursor": "one"}),
        good({"items": [a_letter(n) for n in range(20)], "nextCursor": "two"}),
    ]
    app = FakeService(answers=pages)
    result = app.run("dlq", "list", "--limit", "120", "--json")
    assert [str(request.url) for request in app.requests] == [f"{ROOT}?limit=100", f"{ROOT}?limit=20&cursor=one"]
    assert (len(json.loads(result.stdout)["items"]), json.loads(result.stdout)["nextCursor"]) == (120, "two")
    app = FakeService(answers=[good({"items": [a_letter()], "nextCursor": "two"})])
    assert "--cursor two" in app.run("dlq", "list", "--limit", "1", "--cursor", "one").stdout
    assert str(app.requests[0].url) == f"{ROOT}?limit=1&cursor=one"


def test_one_is_shown_with_its_body_and_without_markup() -> None:
    letter = a_letter(body='{"content":"[bold]好"}', encoding="utf-8", target="m-1")
    app = FakeService(answers=[good(letter)])
    shown = app.run("dlq", "show", "7/8").stdout
    assert str(app.requests[0].url) == f"{ROOT}/7%2F8"
    for text in ('{"content":"[bold]好"}', "body (utf-8)", "AC11", "m-1", "REQUIRED: must be given"):
        assert text in shown
    assert json.loads(FakeService(answers=[good(letter)]).run("dlq", "show", "7", "--json").stdout) == letter


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"messageId": "m-1", "groupId": None, "duplicate": False}, "accepted as m-1\n"),
        ({"messageId": None, "groupId": "g-1", "duplicate": True}, "accepted as g-1 (it had been accepted before)\n"),
    ],
)
def test_a_replay_shows_what_it_became(data: dict[str, Any], text: str) -> None:
    app = FakeService(answers=[good(data)])
    assert app.run("dlq", "replay", "7").stdout == text
    assert (app.requests[0].method, str(app.requests[0].url)) == ("POST", f"{ROOT}/7/replay")
    assert json.loads(FakeService(answers=[good(data)]).run("dlq", "replay", "7", "--json").stdout) == data


def test_a_replay_that_is_refused_has_its_exit_code() -> None:
    app = FakeService(answers=[bad(409, "IDEMPOTENCY_CONFLICT")])
    result = app.run("dlq", "replay", "7")
    assert result.exit_code == ExitCode.REFUSED
    assert "IDEMPOTENCY_CONFLICT" in result.stderr
