import json
from typing import Any

import pytest
from tests.support.apps.command_line import FakeService, bad, good, status_of

from wework_message.entrypoints.cli.exit_codes import ExitCode

DECISION: dict[str, Any] = {
    "candidates": [
        {"bindingId": "b-1", "guid": "[g1]", "providerCode": "P", "score": 0.80985, "excluded": None},
        {"bindingId": "b-2", "guid": "g2", "providerCode": "Q", "score": None, "excluded": "STANDBY"},
    ],
    "chosen": "b-1",
    "reason": "ONLY_CANDIDATE",
}


def rows(shown: str) -> list[list[str]]:
    return [line.split() for line in shown.splitlines()]


def test_every_attempt_of_a_message_is_explained() -> None:
    attempts = [
        {"number": 1, "providerCode": "P", "guid": "[g1]", "outcome": "TIMEOUT", "decision": DECISION},
        {"number": 2, "providerCode": "P", "guid": "[g1]", "outcome": None, "decision": None},
    ]
    message = status_of("RETRY_WAIT", reason="ALL_OFFLINE", nextAttemptAt="2026-11-24T12:06:03.000Z", attempts=attempts)
    app = FakeService(answers=[good(message), good(message)])
    shown = app.run("messages", "explain", "m/1").stdout
    assert str(app.requests[0].url) == "http://127.0.0.1:8082/message/api/messages/m%2F1"
    assert "m-1 is RETRY_WAIT (ALL_OFFLINE)" in shown
    assert "next attempt at 11-24 12:06:03 UTC" in shown
    assert ["attempt", "1:", "P", "[g1]", "TIMEOUT"] in rows(shown)
    assert "ONLY_CANDIDATE" in shown
    assert ["->", "[g1]", "P", "0.810", "-"] in rows(shown)
    assert ["g2", "Q", "-", "STANDBY"] in rows(shown)
    assert "no decision was recorded" in shown
    assert json.loads(app.run("messages", "explain", "m/1", "--json").stdout) == message


def test_a_message_without_an_attempt_says_so() -> None:
    shown = FakeService(answers=[good(status_of("QUEUED", attempts=[]))]).run("messages", "explain", "m-1").stdout
    assert "no attempt yet" in shown


def test_the_options_of_the_list_do_not_go_with_explain() -> None:
    app = FakeService()
    assert app.run("messages", "--limit", "3", "explain", "m-1").exit_code == ExitCode.USAGE
    assert app.requests == []


@pytest.mark.parametrize(
    ("decision", "text"),
    [(DECISION, "ONLY_CANDIDATE"), (DECISION | {"chosen": None, "reason": "ALL_OFFLINE"}, "nobody takes it: ALL_OFFLINE")],
)  # fmt: skip
def test_a_route_is_explained(decision: dict[str, Any], text: str) -> None:
    app = FakeService(answers=[good(decision), good(decision)])
    body = b'{"guid": "g1", "messageType": "TEXT"}'
    shown = app.run("routes", "explain", "-", stdin=body).stdout
    assert (app.requests[0].method, app.requests[0].url.path) == ("POST", "/message/api/routing/explain")
    assert app.requests[0].content == body
    assert shown.startswith(text)
    assert ("->" in shown) is (decision["chosen"] is not None)
    assert json.loads(app.run("routes", "explain", "-", "--json", stdin=body).stdout) == decision


def test_a_route_of_a_bad_request_names_its_fields() -> None:
    errors = [{"path": "content", "code": "REQUIRED", "message": "is required"}]
    ended = FakeService(answers=[bad(422, "VALIDATION_FAILED", errors=errors)]).run(
        "routes", "explain", "-", stdin=b"{}"
    )
    assert ended.exit_code == ExitCode.REFUSED
    assert "content: is required" in ended.stderr
