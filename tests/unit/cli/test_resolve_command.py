import json

import pytest
from tests.support.apps.command_line import FakeService, bad, good, status_of

from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api/messages"


def a_part(matched: int, resolved: int = 0, cursor: str | None = None, *, dry_run: bool = False) -> dict[str, object]:
    return {
        "outcome": "SENT", "dryRun": dry_run, "asOf": "2026-11-24T12:06:03.000Z", "matched": matched, "resolved": resolved,
        "sampleMessageIds": ["m-9"] if matched else [], "nextCursor": cursor,
    }  # fmt: skip


def test_a_word_about_one_message_shows_its_status() -> None:
    app = FakeService(answers=[good(status_of("SENT"))])
    shown = app.run("messages", "resolve", "m/1", "--sent", "--note", "seen", "--by", "mei")
    assert (str(app.requests[0].url), app.sent()) == (
        f"{ROOT}/m%2F1/resolve", {"outcome": "SENT", "note": "seen", "by": "mei"},
    )  # fmt: skip
    assert (shown.exit_code, "SENT" in shown.stdout) == (ExitCode.OK, True)
    as_json = FakeService(answers=[good(status_of("SENT"))]).run("messages", "resolve", "m-1", "--sent", "--json")
    assert json.loads(as_json.stdout)["status"] == "SENT"


def test_many_are_counted_first_and_only_what_was_counted_is_resolved() -> None:
    counted = [good(a_part(1_000, cursor="c", dry_run=True)), good(a_part(20, dry_run=True))]
    app = FakeService(answers=[*counted, good(a_part(100, 90, "d")), good(a_part(0))])
    shown = app.run("messages", "resolve", "--sent", "--guid", "g", "--from", "2026-01-01T00:00:00Z").stdout
    assert "90 resolved as SENT, 10 were settled meanwhile" in shown
    filters = {"outcome": "SENT", "guid": "g", "createdFrom": "2026-01-01T00:00:00Z"}
    as_of = {"asOf": "2026-11-24T12:06:03.000Z"}
    assert [app.sent(number) for number in range(4)] == [
        filters | {"dryRun": True}, filters | {"dryRun": True} | as_of, filters | as_of, filters | as_of,
    ]  # fmt: skip
    assert [request.url.query.decode() for request in app.requests] == [
        "limit=1000", "limit=1000&cursor=c", "limit=100", "limit=100&cursor=d",
    ]  # fmt: skip


def test_a_dry_run_only_counts() -> None:
    app = FakeService(answers=[good(a_part(7, dry_run=True))])
    shown = app.run("messages", "resolve", "--sent", "--status", "UNKNOWN", "--dry-run").stdout
    assert ("7 are UNKNOWN and would be SENT" in shown, "such as m-9" in shown, len(app.requests)) == (True, True, 1)


@pytest.mark.parametrize(
    "args",
    [
        ("m-1",),
        ("--sent",),
        ("m-1", "--sent", "--guid", "g"),
        ("m-1", "--sent", "--dry-run"),
    ],
)
def test_what_is_meant_must_be_said(args: tuple[str, ...]) -> None:
    app = FakeService()
    assert (app.run("messages", "resolve", *args).exit_code, app.requests) == (ExitCode.USAGE, [])


def test_a_refusal_names_the_state() -> None:
    refused = bad(409, "ILLEGAL_STATE", data=status_of("DELIVERED"))
    ended = FakeService(answers=[refused]).run("messages", "resolve", "m-1", "--not-sent")
    assert (ended.exit_code != ExitCode.OK, "m-1 is DELIVERED" in ended.output) == (True, True)
