import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.entrypoints.cli.commands import media
from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api/media"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "_FOLLOW_S", 0)


def an_asset(**changes: Any) -> dict[str, Any]:
    handle = {"providerCode": "MAIN", "kind": "IMAGE", "fileId": "f-1", "expiresAt": None}
    return {
        "mediaId": "m-1", "state": "READY", "sha256": "ab" * 32, "size": 4711, "mimeType": "image/png", "width": 640,
        "height": 480, "durationSeconds": None, "fileName": "a.png", "reason": None, "handles": [handle],
        "contentUrl": "/message/api/media/m-1/content", "createdAt": "2026-11-24T12:06:03.000Z",
    } | changes  # fmt: skip


def test_a_file_is_uploaded_as_a_form(tmp_path: Path) -> None:
    path = tmp_path / "图.png"
    path.write_bytes(b"bytes of a picture")
    app = FakeService(answers=[good(an_asset())])
    ran = app.run("media", "upload", str(path))
    assert ran.exit_code == ExitCode.OK
    (request,) = app.requests
    assert (request.method, str(request.url)) == ("POST", ROOT)
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="\xe5\x9b\xbe.png"' in request.content
    assert b"bytes of a picture" in request.content
    for text in ("m-1", "4711", "image/png", "MAIN", "IMAGE f-1"):
        assert text in ran.stdout
    assert "failed because" not in ran.stdout


def test_a_file_that_is_not_there_is_not_uploaded(tmp_path: Path) -> None:
    app = FakeService()
    assert app.run("media", "upload", str(tmp_path / "none")).exit_code == ExitCode.USAGE
    assert app.requests == []


def test_a_url_is_fetched_and_followed_until_it_is_there() -> None:
    pending = an_asset(state="PENDING", size=None)
    app = FakeService(answers=[good(pending), good(pending), good(an_asset())])
    assert app.run("media", "fetch", "https://x.example/a.png", "--name", "a.png").exit_code == ExitCode.OK
    assert json.loads(app.requests[0].content) == {"url": "https://x.example/a.png", "fileName": "a.png"}
    assert [str(request.url) for request in app.requests] == [ROOT, f"{ROOT}/m-1", f"{ROOT}/m-1"]
    app = FakeService(answers=[good(pending)])
    shown = app.run("media", "fetch", "https://x.example/a.png", "--no-follow", "--json").stdout
    assert json.loads(shown)["state"] == "PENDING"


def test_a_fetch_that_failed_says_why_and_is_a_failure() -> None:
    app = FakeService(answers=[good(an_asset(state="FAILED", reason="MEDIA_NOT_FOUND", handles=[]))])
    ran = app.run("media", "show", "m-1", "--follow")
    assert ran.exit_code == ExitCode.REFUSED
    assert "MEDIA_NOT_FOUND" in ran.stdout
    refused = FakeService(answers=[bad(422, "VALIDATION_FAILED")])
    assert refused.run("media", "fetch", "http://x.example/").exit_code == ExitCode.REFUSED


def test_assets_are_listed_shown_and_deleted() -> None:
    page = {"items": [an_asset(), an_asset(state="FAILED", reason="MEDIA_EMPTY")], "nextCursor": "more"}
    shown = FakeService(answers=[good(page)]).run("media", "list", "--limit", "2").stdout
    for text in ("11-24 12:06:03", "m-1", "READY", "MEDIA_EMPTY", "--cursor more"):
        assert text in shown
    none: dict[str, Any] = {"items": [], "nextCursor": None}
    assert "no media" in FakeService(answers=[good(none)]).run("media", "list").stdout
    as_json = FakeService(answers=[good(none)]).run("media", "list", "--json").stdout
    assert json.loads(as_json) == none
    assert "sha256" in FakeService(answers=[good(an_asset())]).run("media", "show", "m-1").stdout
    app = FakeService(answers=[good({"mediaId": "a/b", "deleted": True})] * 2)
    assert "deleted" in app.run("media", "delete", "a/b").stdout
    assert app.requests[0].url.raw_path.endswith(b"/api/media/a%2Fb")
    assert json.loads(app.run("media", "delete", "a/b", "--json").stdout)["deleted"]


def test_a_file_is_uploaded_and_sent_as_one_command(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"bytes of a picture")
    how = ("send", "--guid", "g1", "--to", "S:1", "--type", "image", "--media", str(path))
    sent = {"messageId": "1", "status": "DELIVERED"}
    app = FakeService(answers=[good(an_asset()), good(sent)])
    assert app.run(*how).exit_code == ExitCode.OK
    assert json.loads(app.requests[1].content) == {
        "messageType": "IMAGE", "guid": "g1", "conversationId": "S:1", "mediaId": "m-1"
    }  # fmt: skip
    app = FakeService(answers=[good(an_asset()), bad(503, "UNAVAILABLE")])
    ran = app.run(*how, "--key", "k")
    assert ran.exit_code == ExitCode.TRY_AGAIN
    assert "--key k and --field mediaId=m-1 instead of --media, which never sends twice" in ran.stderr


def test_a_file_to_send_needs_a_type_and_no_other_request(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"bytes of a picture")
    app = FakeService()
    for others in (["--text", "x"], ["--file", "-"], []):
        assert app.run("send", "--media", str(path), *others, stdin=b"{}").exit_code == ExitCode.USAGE
    assert app.requests == []
