import json
from typing import Any

import pytest
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.entrypoints.cli.commands import erasures
from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api/erasures"
PERSON = "S:7881300000000001"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasures, "_FOLLOW_S", 0)


def an_erasure(**changes: Any) -> dict[str, Any]:
    erased = {"messages": 12, "keys": 3, "callbacks": 45, "events": 6, "deadLetters": 7, "poolChoices": 8}
    return {
        "erasureId": "e-1", "state": "RUNNING", "done": False, "dryRun": False, "conversationId": PERSON, "note": None,
        "part": "callbacks", "erased": erased, "remaining": 9, "createdAt": "2026-11-24T12:06:03.000Z", "finishedAt": None,
    } | changes  # fmt: skip


def test_an_erasure_is_begun_and_followed_until_it_is_done() -> None:
    app = FakeService(answers=[good(an_erasure()), good(an_erasure()), good(an_erasure(state="DONE", part=None))])
    ran = app.run("erasures", "create", PERSON, "--note", "ticket 4711", "--yes")
    assert ran.exit_code == ExitCode.OK
    assert [str(request.url) for request in app.requests] == [ROOT, f"{ROOT}/e-1", f"{ROOT}/e-1"]
    assert json.loads(app.requests[0].content) == {"conversationId": PERSON, "dryRun": False, "note": "ticket 4711"}
    for text in ("DONE", "12", "45", "do not rest yet", "9"):
        assert text in ran.stdout
    assert "looks at" not in ran.stdout


def test_it_is_not_begun_without_a_word_of_confirmation() -> None:
    app = FakeService()
    assert app.run("erasures", "create", PERSON).exit_code == ExitCode.USAGE
    assert app.requests == []


def test_a_dry_run_needs_none_and_is_shown_as_one() -> None:
    app = FakeService(answers=[good(an_erasure(state="DONE", dryRun=True))])
    assert "DONE (dry run)" in app.run("erasures", "create", PERSON, "--dry-run").stdout
    assert json.loads(app.requests[0].content)["dryRun"] is True


def test_what_waits_is_not_waited_for() -> None:
    app = FakeService(answers=[good(an_erasure(state="WAITING"))])
    shown = app.run("erasures", "create", PERSON, "--yes").stdout
    assert "WAITING" in shown
    assert "callbacks" in shown
    app = FakeService(answers=[good(an_erasure())])
    assert json.loads(app.run("erasures", "create", PERSON, "--yes", "--no-follow", "--json").stdout) == an_erasure()


def test_erasures_are_listed_and_shown() -> None:
    app = FakeService(answers=[good({"items": [an_erasure()], "nextCursor": None})])
    shown = app.run("erasures", "list").stdout
    for text in ("11-24 12:06:03", "e-1", "RUNNING", "12", "45", "9"):
        assert text in shown
    none: dict[str, Any] = {"items": [], "nextCursor": None}
    assert "no erasures" in FakeService(answers=[good(none)]).run("erasures", "list").stdout
    as_json = FakeService(answers=[good(none)]).run("erasures", "list", "--json").stdout
    assert json.loads(as_json) == none
    app = FakeService(answers=[good(an_erasure()), good(an_erasure(state="DONE"))])
    assert "DONE" in app.run("erasures", "show", "e-1", "--follow").stdout
    assert "RUNNING" in FakeService(answers=[good(an_erasure())]).run("erasures", "show", "e-1").stdout


def test_one_that_does_not_exist_is_said() -> None:
    app = FakeService(answers=[bad(404, "NOT_FOUND")])
    assert app.run("erasures", "show", "e 1").exit_code == ExitCode.NOT_FOUND
    assert str(app.requests[0].url) == f"{ROOT}/e%201"
