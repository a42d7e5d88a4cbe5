import json
from typing import Any

from tests.support.apps.command_line import FakeService, good

from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api/callbacks/tokens"
TOKEN = {
    "tokenId": "0123456789abcdef", "providerCode": "MAIN", "guid": None, "createdAt": "2026-11-24T12:06:03.000Z",
    "endsAt": None,
}  # fmt: skip
ISSUED = TOKEN | {"token": "cb_text", "path": "/message/api/callbacks/webhook/cb_text"}


def bodies(app: FakeService) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in app.requests]


def test_a_new_token_is_shown_with_its_path_and_id() -> None:
    app = FakeService(answers=[good(ISSUED), good(ISSUED), good(ISSUED)])
    lines = app.run("callbacks", "token", "create", "--provider", "MAIN").stdout.splitlines()
    assert lines[0] == "cb_text"
    assert "/message/api/callbacks/webhook/cb_text" in lines
    assert any("0123456789abcdef" in line for line in lines)
    app.run("callbacks", "token", "create", "--provider", "MAIN", "--guid", "g")
    shown = app.run("callbacks", "token", "create", "--provider", "MAIN", "--json").stdout
    assert json.loads(shown) == ISSUED
    assert {str(request.url) for request in app.requests} == {ROOT}
    assert bodies(app)[:2] == [{"providerCode": "MAIN"}, {"providerCode": "MAIN", "guid": "g"}]


def test_tokens_are_listed_without_their_texts() -> None:
    answer = good({"items": [TOKEN | {"endsAt": "2026-11-25T12:06:03.000Z"}], "nextCursor": None})
    app = FakeService(answers=[answer, answer, good({"items": [], "nextCursor": None})])
    shown = app.run("callbacks", "token", "list").stdout
    for text in ("11-24 12:06:03", "11-25 12:06:03", "0123456789abcdef", "MAIN"):
        assert text in shown
    assert json.loads(app.run("callbacks", "token", "list", "--json").stdout)["items"][0]["tokenId"] == TOKEN["tokenId"]
    assert "there are no tokens" in app.run("callbacks", "token", "list").stdout


def test_a_rotation_says_how_long_the_old_one_stays_valid() -> None:
    app = FakeService(answers=[good(ISSUED), good(ISSUED)])
    shown = app.run("callbacks", "token", "rotate", "a/b", "--overlap", "60").stdout
    assert "cb_text" in shown
    assert "60 s" in shown
    assert str(app.requests[0].url) == f"{ROOT}/a%2Fb/rotate"
    assert json.loads(app.run("callbacks", "token", "rotate", "x", "--json").stdout) == ISSUED
    assert bodies(app) == [{"overlapSeconds": 60}, {"overlapSeconds": 86_400}]


def test_a_revocation_must_be_confirmed() -> None:
    revoked = {"tokenId": "x", "revoked": True}
    app = FakeService(answers=[good(revoked), good(revoked)])
    assert app.run("callbacks", "token", "revoke", "x").exit_code == ExitCode.USAGE
    assert app.requests == []
    assert "x is revoked" in app.run("callbacks", "token", "revoke", "x", "--yes").stdout
    assert json.loads(app.run("callbacks", "token", "revoke", "x", "--yes", "--json").stdout) == revoked
    assert [(request.method, str(request.url)) for request in app.requests] == [("DELETE", f"{ROOT}/x")] * 2
