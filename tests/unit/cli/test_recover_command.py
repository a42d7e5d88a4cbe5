import json

import pytest
from tests.support.apps.command_line import FakeService

from wework_message.application.maintenance.recover import Recover, Recovered
from wework_message.domain.lifecycle import MessageStatus

DONE = Recovered({MessageStatus.QUEUED: 3, MessageStatus.SENDING: 0}, {MessageStatus.UNKNOWN: 2}, 1)


def test_marked_messages_are_counted_by_their_former_status() -> None:
    app = FakeService(recovered=DONE)
    ended = app.run("recover", "--restored-from", "2026-11-24T03:00:00+08:00")
    assert app.recoveries == [Recover(1_795_460_400_000)]
    assert "3 are now UNKNOWN" in ended.stdout
    assert "SENDING" not in ended.stdout
    assert "1 replays of failed messages are cancelled" in ended.stdout
    assert ended.exit_code == 0


def test_a_dry_run_as_json() -> None:
    app = FakeService(recovered=DONE)
    ended = app.run("recover", "--restored-from", "2026-01-01T00:00:00Z", "--dry-run", "--json")
    assert app.recoveries[0].dry_run
    assert json.loads(ended.stdout) == {
        "dryRun": True, "marked": 3, "wasStatus": {"QUEUED": 3}, "left": {"UNKNOWN": 2}, "cancelledReplays": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "instant", ["yesterday", "2026-01-01T00:00:00", "2999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026", "1e9"]
)
def test_an_instant_that_cannot_be_is_a_usage_error_and_changes_nothing(instant: str) -> None:
    app = FakeService()
    assert app.run("recover", "--restored-from", instant).exit_code == 64
    assert app.recoveries == []


def test_the_instant_must_be_given() -> None:
    assert FakeService().run("recover").exit_code == 64


def test_settings_that_do_not_start_stop_it() -> None:
    app = FakeService(problems=("datasource.url: is missing",))
    assert app.run("recover", "--restored-from", "2026-01-01T00:00:00Z").exit_code == 78
    assert app.recoveries == []
