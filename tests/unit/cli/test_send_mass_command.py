import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.entrypoints.cli.exit_codes import ExitCode

URL = "http://127.0.0.1:8082/message/api/messages/send/batch"
TOKEN = {"confirmToken": "t-1", "recipients": 450, "chunks": 3, "expiresAt": "2026-11-30T04:10:00.000Z"}
REQUIRED = bad(409, "CONFIRMATION_REQUIRED", data=TOKEN)


def a_batch(**changes: Any) -> dict[str, Any]:
    return {
        "batchId": "b-1", "mode": "MASS_SEND", "accepted": 2, "rejected": 0, "duplicate": False,
        "chunks": [{"number": 0, "recipients": 2}], "items": [],
    } | changes  # fmt: skip


def sent(app: FakeService) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in app.requests]


def test_recipients_are_arguments_and_lines_of_a_file(tmp_path: Path) -> None:
    people, contents = tmp_path / "people.txt", tmp_path / "contents.json"
    people.write_bytes("\ufeffS:3\n\n  4 \nR:5\n".encode())
    contents.write_text('{"linkMsgList": [{"title": "t", "url": "https://a.example"}]}')
    app = FakeService(answers=[good(a_batch())])
    ran = app.run(
        "send-mass", "--guid", "g", "--text", "hi", "--contents", str(contents), "--recipients", str(people),
        "--key", "k", "S:1", "R:2",
    )  # fmt: skip
    assert ran.exit_code == ExitCode.OK
    assert "2 accepted, 0 rejected, 1 calls" in ran.stdout
    (request,) = app.requests
    assert (request.method, str(request.url), request.headers["idempotency-key"]) == ("POST", URL, "k")
    assert sent(app) == [
        {
            "guid": "g", "content": "hi", "linkMsgList": [{"title": "t", "url": "https://a.example"}],
            "userList": ["S:1", "S:3", "4"], "roomList": ["R:2", "R:5"],
        }
    ]  # fmt: skip


def test_many_are_confirmed_with_a_word_or_an_option() -> None:
    for arguments, answer in (((), b"y\n"), (("--yes",), b"")):
        app = FakeService(answers=[REQUIRED, good(a_batch())])
        ran = app.run("send-mass", "--account", "a", "--text", "hi", "S:1", *arguments, stdin=answer)
        assert ran.exit_code == ExitCode.OK
        first, second = sent(app)
        assert second == first | {"confirmToken": "t-1"}
        keys = {request.headers["idempotency-key"] for request in app.requests}
        assert len(keys) == 1


def test_a_no_sends_nothing() -> None:
    app = FakeService(answers=[REQUIRED])
    assert app.run("send-mass", "--guid", "g", "--text", "hi", "S:1", stdin=b"n\n").exit_code == ExitCode.INTERRUPTED
    assert len(app.requests) == 1


def test_rejected_recipients_are_named_and_end_with_a_code() -> None:
    problem = {"path": "userList[1]", "code": "INVALID_VALUE", "message": "must be a conversation"}
    items = [{"index": 1, "errors": [problem]}]
    app = FakeService(answers=[good(a_batch(rejected=1, items=items))] * 2)
    ran = app.run("send-mass", "--guid", "g", "--text", "hi", "S:1", "x")
    assert ran.exit_code == ExitCode.REFUSED
    assert "userList[1]: must be a conversation" in ran.stdout
    shown = app.run("send-mass", "--guid", "g", "--text", "hi", "S:1", "x", "--json").stdout
    assert json.loads(shown)["batchId"] == "b-1"


def test_a_refused_request_fails_with_its_code() -> None:
    app = FakeService(answers=[bad(422, "VALIDATION_FAILED")])
    assert app.run("send-mass", "--guid", "g", "--text", "hi", "S:1").exit_code == ExitCode.REFUSED


def test_a_lost_answer_names_the_key() -> None:
    app = FakeService(answers=[httpx.ReadTimeout("")])
    ran = app.run("send-mass", "--guid", "g", "--text", "hi", "S:1", "--key", "k-7")
    assert ran.exit_code == ExitCode.TRY_AGAIN
    assert "--key k-7" in ran.stderr
    app = FakeService(answers=[httpx.ConnectError("")])
    assert app.run("send-mass", "--guid", "g", "--text", "hi", "S:1").exit_code == ExitCode.UNAVAILABLE


@pytest.mark.parametrize(("name", "raw"), [("--recipients", b"\xff"), ("--contents", b"[]"), ("--contents", b"{")])
def test_a_file_that_cannot_be_read_sends_nothing(tmp_path: Path, name: str, raw: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    app = FakeService()
    assert app.run("send-mass", "--guid", "g", "--text", "hi", "S:1", name, str(path)).exit_code == ExitCode.USAGE
    assert app.requests == []


def test_without_recipients_it_sends_nothing() -> None:
    app = FakeService()
    assert app.run("send-mass", "--guid", "g", "--text", "hi").exit_code == ExitCode.USAGE
    assert app.requests == []
