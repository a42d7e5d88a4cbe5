import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.apps.command_line import FakeService
from tests.support.processes.programs import Program

from wework_message.domain.signatures import SigningSecret, signed_headers
from wework_message.entrypoints.cli.exit_codes import ExitCode

OLD, NEW = SigningSecret(b"o" * 24), SigningSecret(b"n" * 24)
BODY = '{"type":"message.status","data":{"messageId":"m-1","status":"SENT","sequence":3,"extra":"\u202e客户"}}'.encode()


@contextlib.contextmanager
def listening(folder: Path, *options: str) -> Iterator[Program]:
    environ = {"WEWORK_MESSAGE_WEBHOOK_SECRET": f"{OLD.reveal()} {NEW.reveal()}"}
    program = Program("listen", folder, ["webhooks", "listen", *options], environ)
    program.spawn()
    try:
        program.until(lambda: program.has_written("http://127.0.0.1:"))
        yield program
        assert program.stop() == ExitCode.OK
    finally:
        program.close()


def post(url: str, *secrets: SigningSecret) -> int:
    headers = dict(signed_headers(secrets, "evt_1", time.time_ns() // 1_000_000, BODY))
    return httpx.post(url, content=BODY, headers=headers).status_code


def test_each_event_is_a_line_without_content(tmp_path: Path) -> None:
    with listening(tmp_path, "--answer", "500") as program:
        url = program.lines()[0].removeprefix("listening on ")
        assert [post(url, OLD), post(url, NEW), post(url, SigningSecret(b"x" * 24))] == [500, 500, 401]
        program.until(lambda: len(program.lines()) == 4)
        for line, verdict in zip(program.lines()[1:], ("verified", "verified", "NOT VERIFIED (MISMATCH)"), strict=True):
            answered = 401 if "NOT" in verdict else 500
            assert line[12:] == f"  {verdict}  message.status  m-1  SENT  #3  evt_1  -> {answered}"


def test_json_lines_have_the_body_only_where_it_is_asked_for(tmp_path: Path) -> None:
    with listening(tmp_path, "--json", "--show-content") as program:
        assert post(json.loads(program.lines()[0])["url"], NEW) == 204
        program.until(lambda: len(program.lines()) == 2)
        event = json.loads(program.lines()[1])
        assert event.pop("receivedAt").endswith("Z")
        assert event == {
            "verified": True, "check": "VERIFIED", "webhookId": "evt_1", "type": "message.status", "messageId": "m-1",
            "status": "SENT", "sequence": 3, "answered": 204, "body": BODY.decode(),
        }  # fmt: skip


def test_a_secret_that_is_none_is_a_wrong_command_line_and_is_not_repeated() -> None:
    ended = FakeService().run("webhooks", "listen", "--secret", "whsec_tooshort")
    assert ended.exit_code == ExitCode.USAGE
    assert "24 to 64 bytes" in ended.stderr
    assert "tooshort" not in ended.output
    assert FakeService().run("webhooks", "listen").exit_code == ExitCode.USAGE


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_address_that_is_taken_or_unknown_stops_the_start(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = FakeService().run("webhooks", "listen", "--secret", OLD.reveal(), "--port", port, "--host", host)
    assert ended.exit_code == ExitCode.CONFIGURATION
    assert f"cannot listen on {host}:{port}" in ended.stderr
