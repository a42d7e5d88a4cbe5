import json
from typing import Any

import pytest
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.entrypoints.cli.commands import failed
from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api/dead-letters"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed, "_FOLLOW_S", 0)


def a_group(**changes: Any) -> dict[str, Any]:
    return {
        "cause": "REFUSED_PERMANENT", "providerCode": "MAIN", "errorCode": -4017, "count": 200, "unconfirmed": 3,
        "oldestAt": "2026-11-24T12:06:03.000Z", "newestAt": "2026-11-24T12:16:03.000Z", "sampleMessageIds": ["m-1", "m-9"],
    } | changes  # fmt: skip


def a_replay(**changes: Any) -> dict[str, Any]:
    return {
        "replayId": "r-1", "state": "RUNNING", "done": False, "dryRun": False, "total": 200, "unconfirmed": 3, "replayed": 0,
        "skipped": 0, "failed": 0, "open": 0, "ratePerSecond": 10.0, "createdAt": "2026-11-24T12:06:03.000Z",
        "finishedAt": None, "selection": {}, "skippedMessages": [],
    } | changes  # fmt: skip


def test_groups_show_how_many_failed_and_why() -> None:
    app = FakeService(answers=[good({"items": [a_group()], "nextCursor": None})])
    shown = app.run("failed", "groups", "--cause", "REFUSED_PERMANENT", "--error-code", "-4017").stdout
    assert str(app.requests[0].url) == f"{ROOT}?cause=REFUSED_PERMANENT&errorCode=-4017"
    for text in ("REFUSED_PERMANENT", "MAIN", "-4017", "200", "11-24 12:06:03", "11-24 12:16:03"):
        assert text in shown
    assert (
        "nothing failed"
        in FakeService(answers=[good({"items": [], "nextCursor": None})]).run("failed", "groups").stdout
    )


def test_groups_of_all_parts_are_added_up() -> None:
    older = a_group(count=5, unconfirmed=1, oldestAt="2026-11-01T00:00:00.000Z", newestAt="2026-11-02T00:00:00.000Z")
    older["sampleMessageIds"] = ["m-0"]
    other = a_group(cause="POISON", count=1_000)
    app = FakeService(answers=[
        good({"items": [a_group()], "nextCursor": "two"}), good({"items": [older, other], "nextCursor": None}),
    ])  # fmt: skip
    groups = json.loads(app.run("failed", "groups", "--json").stdout)["items"]
    assert [str(request.url) for request in app.requests] == [ROOT, f"{ROOT}?cursor=two"]
    assert groups == [
        other,
        a_group(count=205, unconfirmed=4, oldestAt="2026-11-01T00:00:00.000Z", sampleMessageIds=["m-0", "m-9"]),
    ]


def test_failed_messages_are_listed() -> None:
    item = {"createdAt": "2026-11-24T12:06:03.000Z", "messageId": "m-1", "status": "FAILED", "reason": "POISON"}
    app = FakeService(answers=[good({"items": [item], "nextCursor": "two"})])
    shown = app.run("failed", "list", "--limit", "1", "--account", "acc").stdout
    assert str(app.requests[0].url) == f"{ROOT}/messages?limit=1&accountId=acc"
    for text in ("m-1", "FAILED", "POISON", "--cursor two"):
        assert text in shown


def test_a_replay_is_followed_to_its_end() -> None:
    app = FakeService(answers=[
        good(a_replay(state="COUNTING")), good(a_replay(replayed=80)), good(a_replay(state="DONE", done=True, replayed=200, failed=2)),
    ])  # fmt: skip
    result = app.run("failed", "replay", "--cause", "POISON", "--rate", "20", "--json")
    assert [(request.method, str(request.url)) for request in app.requests] == [
        ("POST", f"{ROOT}/replay"), ("GET", f"{ROOT}/replays/r-1"), ("GET", f"{ROOT}/replays/r-1"),
    ]  # fmt: skip
    assert json.loads(app.requests[0].content) == {
        "cause": "POISON", "ratePerSecond": 20.0, "dryRun": False, "unconfirmed": False,
    }  # fmt: skip
    assert json.loads(result.stdout)["replayed"] == 200
    assert "200/200" in result.stderr


def test_named_messages_are_replayed_and_those_left_out_are_shown() -> None:
    skipped = [{"messageId": "m-2", "reason": "NOT_FOUND"}]
    app = FakeService(answers=[good(a_replay(total=1, skipped=1, skippedMessages=skipped))])
    shown = app.run("failed", "replay", "m-1", "m-2", "--unconfirmed", "--no-follow").stdout
    body = json.loads(app.requests[0].content)
    assert (body["messageIds"], body["unconfirmed"]) == (["m-1", "m-2"], True)
    assert "not replayed: m-2 (NOT_FOUND)" in shown


def test_a_dry_run_shows_what_would_be_sent() -> None:
    app = FakeService(answers=[good(a_replay(state="DONE", done=True, dryRun=True))])
    shown = app.run("failed", "replay", "--provider", "MAIN", "--dry-run").stdout
    assert json.loads(app.requests[0].content)["dryRun"] is True
    assert "DONE (dry run)" in shown
    assert "200" in shown


@pytest.mark.parametrize("rate", ["0.09", "1001", "fast"])
def test_a_rate_outside_the_limits_is_no_command(rate: str) -> None:
    app = FakeService(answers=[])
    assert app.run("failed", "replay", "--cause", "POISON", "--rate", rate).exit_code == ExitCode.USAGE


def test_a_selection_of_nothing_is_refused_by_the_service() -> None:
    app = FakeService(answers=[bad(422, "VALIDATION_FAILED")])
    assert app.run("failed", "replay").exit_code == ExitCode.REFUSED


def test_status_and_cancel_show_one_replay() -> None:
    app = FakeService(answers=[good(a_replay(replayed=80)), good(a_replay(state="CANCELLED", done=True))])
    shown = app.run("failed", "status", "r/1").stdout
    assert str(app.requests[0].url) == f"{ROOT}/replays/r%2F1"
    assert "RUNNING" in shown
    assert "80" in shown
    shown = app.run("failed", "cancel", "r-1").stdout
    assert (app.requests[1].method, str(app.requests[1].url)) == ("POST", f"{ROOT}/replays/r-1/cancel")
    assert "CANCELLED" in shown


def test_status_follows_when_asked_to() -> None:
    app = FakeService(answers=[good(a_replay()), good(a_replay(state="DONE", done=True, replayed=200))])
    assert json.loads(app.run("failed", "status", "r-1", "--follow", "--json").stdout)["done"] is True


def test_replays_are_listed() -> None:
    app = FakeService(answers=[good({"items": [a_replay(dryRun=True)], "nextCursor": None})])
    shown = app.run("failed", "replays").stdout
    assert str(app.requests[0].url) == f"{ROOT}/replays?limit=50"
    for text in ("r-1", "RUNNING (dry run)", "200"):
        assert text in shown
    empty = good({"items": [], "nextCursor": None})
    assert "no replays" in FakeService(answers=[empty]).run("failed", "replays").stdout
    assert json.loads(FakeService(answers=[empty]).run("failed", "replays", "--json").stdout)["items"] == []
