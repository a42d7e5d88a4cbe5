"""``webhooks`` on the command line: what it asks for and what it shows."""

import json

import httpx
from tests.support.apps.command_line import FakeService, good

from wework_message.entrypoints.cli.exit_codes import ExitCode

ROOT = "http://127.0.0.1:8082/message/api"
ENDPOINT = {
    "webhookId": "w/1", "url": "https://h.example/", "events": ["message.status"], "enabled": True,
    "disabledReason": None, "failingSince": None, "secret": None, "previousSecretUntil": None, "createdAt": "2026-01-05T08:00:00.000Z",
}  # fmt: skip
DELIVERY = {
    "eventId": "e", "type": "message.status", "messageId": "m", "sequence": 2, "state": "FAILED", "attempts": 8,
    "outcome": "BLOCKED", "httpStatus": None, "createdAt": "2026-01-05T08:00:00.000Z", "nextAttemptAt": None, "endedAt": None,
}  # fmt: skip


def bodies(app: FakeService) -> list[object]:
    return [json.loads(request.content) for request in app.requests if request.content]


def test_create_and_rotate_show_the_secret() -> None:
    app = FakeService(answers=[good(ENDPOINT | {"secret": "whsec_x"})] * 2)
    created = app.run("webhooks", "create", "https://h.example/", "--event", "message.unknown")
    assert "whsec_x" in created.stdout
    assert bodies(app) == [{"url": "https://h.example/", "events": ["message.unknown"]}]
    assert "whsec_x" in app.run("webhooks", "rotate", "w/1").stdout
    assert str(app.requests[1].url) == f"{ROOT}/webhooks/w%2F1/rotate"


def test_list_and_deliveries_show_what_is_wrong() -> None:
    app = FakeService(
        answers=[
            good({"items": [ENDPOINT | {"enabled": False, "disabledReason": "GONE"}], "nextCursor": None}),
            good({"items": [], "nextCursor": None}),
            good({"items": [DELIVERY], "nextCursor": None}),
            good({"items": [DELIVERY], "nextCursor": None}),
        ]
    )
    assert "GONE" in app.run("webhooks", "list").stdout
    assert "no webhooks" in app.run("webhooks", "list").stdout
    assert "BLOCKED" in app.run("webhooks", "deliveries", "w/1").stdout
    assert json.loads(app.run("webhooks", "deliveries", "w/1", "--json").stdout)["items"] == [DELIVERY]


def test_change_keeps_what_is_not_named() -> None:
    stored = good({"items": [ENDPOINT], "nextCursor": None})
    app = FakeService(answers=[stored, good(ENDPOINT | {"enabled": False}), stored])
    assert app.run("webhooks", "change", "w/1", "--disabled").exit_code == ExitCode.OK
    assert bodies(app) == [{"url": "https://h.example/", "events": ["message.status"], "enabled": False}]
    assert app.run("webhooks", "change", "other", "--enabled").exit_code == ExitCode.NOT_FOUND


def test_recover_goes_on_until_nothing_is_left() -> None:
    parts: list[httpx.Response | Exception] = [
        good({"webhookId": "w", "recovered": count, "more": more}) for count, more in ((20_000, True), (5, False))
    ]
    app = FakeService(answers=parts)
    assert "20005 events" in app.run("webhooks", "recover", "w", "--since", "2026-01-05T08:00:00Z").stdout
    assert bodies(app) == [{"since": "2026-01-05T08:00:00Z"}] * 2


def test_test_and_delete() -> None:
    app = FakeService(answers=[good({"webhookId": "w", "eventId": "e-7"}), good(ENDPOINT)])
    assert "e-7" in app.run("webhooks", "test", "w").stdout
    assert json.loads(app.run("webhooks", "delete", "w", "--json").stdout) == ENDPOINT
