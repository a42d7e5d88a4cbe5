import json
from typing import Any

import httpx
import pytest
from tests.support.apps.command_line import FakeService, bad, good, status_of

from wework_message.domain.message_filter import FILTERS
from wework_message.entrypoints.cli.field_values import field_value


def test_send_text_posts_one_text_with_a_fresh_idempotency_key() -> None:
    app = FakeService(answers=[good(status_of()), good(status_of())])
    first = app.run("send", "--guid", "g1", "--to", "S:1", "--text", "你好")
    app.run("send", "--guid", "g1", "--to", "S:1", "--text", "你好")
    request, again = app.requests
    assert (request.method, str(request.url)) == ("POST", "http://127.0.0.1:8082/message/api/messages/send")
    assert app.sent() == {"messageType": "TEXT", "guid": "g1", "conversationId": "S:1", "content": "你好"}
    assert request.headers["Idempotency-Key"] != again.headers["Idempotency-Key"]
    assert first.exit_code == 0
    assert "DELIVERED" in first.stdout
    assert "m-1" in first.stdout


def test_fields_take_the_type_that_the_message_type_gives_them() -> None:
    app = FakeService(answers=[good(status_of())])
    app.run(
        "send", "--guid", "g", "--to", "S:1", "--type", "image", "--field", "fileId=306", "--field", "fileSize=772458",
        "--field", "isHd=true", "--field", "md5=0=1", "--field", 'extra={"order":42}', "--field", "priority=9",
    )  # fmt: skip
    assert app.sent() == {
        "messageType": "IMAGE", "guid": "g", "conversationId": "S:1", "fileId": "306", "fileSize": 772458, "isHd": True,
        "md5": "0=1", "extra": {"order": 42}, "priority": 9,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "text", "value"),
    [
        ("TEXT", "content", "42", "42"),
        ("MENTION", "atList", '["0"]', ["0"]),
        ("LOCATION", "longitude", "113.5", 113.5),
        ("TEXT", "nosuch", "7", 7),
        ("TEXT", "nosuch", "a b", "a b"),
        ("VIDEO", "videoDuration", "long", "long"),
        ("TEXT", "scheduledAt", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_a_field_is_text_where_a_text_is_allowed_and_json_elsewhere(
    kind: str, name: str, text: str, value: Any
) -> None:
    assert field_value(kind, name, text) == value


def test_a_file_is_sent_byte_for_byte_and_keeps_its_own_key() -> None:
    body = b'{"guid": "g", "clientMessageId": "k-1", "messageType": "TEXT"}'
    app = FakeService(answers=[good(status_of())])
    app.run("send", "--file", "-", stdin=body)
    assert app.requests[0].content == body
    assert "Idempotency-Key" not in app.requests[0].headers


@pytest.mark.parametrize(
    "args",
    [["send", "--guid", "g"], ["send", "--file", "-", "--text", "x"], ["send", "--text", "x", "--field", "novalue"]],
)
def test_a_send_that_says_too_little_or_too_much_is_refused_before_anything_is_sent(args: list[str]) -> None:
    app = FakeService()
    assert app.run(*args, stdin=b"{}").exit_code == 64
    assert app.requests == []


def test_a_lost_answer_shows_the_key_that_makes_a_repetition_safe() -> None:
    app = FakeService(answers=[httpx.ReadTimeout("slow")])
    ended = app.run("send", "--guid", "g", "--to", "S:1", "--text", "x")
    assert ended.exit_code == 75
    assert f"--key {app.requests[0].headers['Idempotency-Key']}" in ended.stderr


def test_async_with_wait_follows_the_message_until_it_is_final() -> None:
    accepted = {"messageId": "m-1", "status": "QUEUED", "duplicate": False}
    app = FakeService(
        answers=[good(accepted, 202), good(status_of("SENDING", final=False)), good(status_of("DELIVERED"))]
    )
    ended = app.run("send", "--guid", "g", "--to", "S:1", "--text", "x", "--async", "--wait", "20", "--json")
    assert [request.url.path for request in app.requests] == [
        "/message/api/messages/send/async", "/message/api/messages/m-1/status", "/message/api/messages/m-1/status",
    ]  # fmt: skip
    assert 1 <= int(app.requests[1].url.params["wait"]) <= 20
    assert json.loads(ended.stdout)["status"] == "DELIVERED"
    assert ended.exit_code == 0


@pytest.mark.parametrize(
    ("status", "code"), [("FAILED", 65), ("EXPIRED", 65), ("UNKNOWN", 0), ("QUEUED", 0), ("SENT", 0)]
)
def test_a_send_ends_with_65_only_if_its_message_was_refused(status: str, code: int) -> None:
    app = FakeService(answers=[good(status_of(status, final=False, success=None), 202)])
    assert app.run("send", "--guid", "g", "--to", "S:1", "--text", "x").exit_code == code


def test_a_group_shows_its_parts() -> None:
    parts = [{"index": 0, "messageId": "m-1", "status": "SENT"}, {"index": 1, "messageId": "m-2", "status": "FAILED"}]
    app = FakeService(answers=[good({"groupId": "g-1", "parts": parts})])
    ended = app.run("send", "--file", "-", stdin=b'{"messageType":"MIXED"}')
    assert "m-2" in ended.stdout
    assert ended.exit_code == 65


def test_status_with_timeline_shows_what_happened_and_why() -> None:
    message = status_of() | {
        "timeline": [{"at": "2026-01-02T03:04:05.678Z", "kind": "ACCEPTED", "attempt": None, "detail": "[SYNC]"}],
        "attempts": [
            {
                "number": 1,
                "decision": {
                    "reason": "BEST_SCORE",
                    "candidates": [{"guid": "g9", "providerCode": "P", "score": 0.80985, "excluded": "OFFLINE"}],
                },
            }
        ],
    }
    app = FakeService(answers=[good(status_of()), good(message)])
    shown = app.run("status", "m-1", "--timeline").stdout
    for text in ("03:04:05.678", "ACCEPTED", "[SYNC]", "BEST_SCORE", "g9", "0.810", "OFFLINE"):
        assert text in shown
    assert "->" not in shown  # nobody was chosen


def test_a_wait_that_ends_before_the_message_rests_ends_with_75(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr("wework_message.entrypoints.cli.follow.time.monotonic", lambda: float(next(ticks)))
    app = FakeService(answers=[good(status_of("UNKNOWN", final=False)) for _ in range(3)])
    assert app.run("status", "m-1", "--wait", "5").exit_code == 75


def test_changes_go_to_their_routes() -> None:
    app = FakeService(answers=[good(status_of()) for _ in range(4)])
    app.run("retry", "m/1", "--force")
    app.run("cancel", "m-1")
    app.run("recall", "77", "--guid", "g 1")
    assert [(request.method, request.url.raw_path.decode()) for request in app.requests] == [
        ("POST", "/message/api/messages/m%2F1/retry?force=true"),
        ("POST", "/message/api/messages/m-1/cancel"),
        ("DELETE", "/message/api/messages/g%201/messages/77"),
    ]


def test_recall_finds_the_sender_of_one_of_our_ids_itself() -> None:
    app = FakeService(answers=[good(status_of(guid="g7")), good(status_of("RECALLING", final=False), 202)])
    assert app.run("recall", "m-1").exit_code == 0
    assert app.requests[1].url.path == "/message/api/messages/g7/messages/m-1"


def test_messages_reads_pages_until_the_limit_and_shows_where_to_go_on() -> None:
    full = [
        {"messageId": f"m-{number}", "status": "SENT", "createdAt": "2026-01-02T03:04:05Z"} for number in range(100)
    ]
    app = FakeService(
        answers=[good({"items": full, "nextCursor": "c1"}), good({"items": full[:20], "nextCursor": "c2"})]
    )
    ended = app.run("messages", "--limit", "120", "--status", "SENT", "--to", "S:1", "--from", "2026-01-01T00:00:00Z")
    assert [dict(request.url.params) for request in app.requests] == [
        {"status": "SENT", "conversationId": "S:1", "createdFrom": "2026-01-01T00:00:00Z", "limit": "100"},
        {
            "status": "SENT",
            "conversationId": "S:1",
            "createdFrom": "2026-01-01T00:00:00Z",
            "limit": "20",
            "cursor": "c1",
        },
    ]
    assert ended.stdout.count("SENT") == 120
    assert "--cursor c2" in ended.stdout


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_of_messages_is_asked_for_by_its_flag(name: str) -> None:
    app = FakeService(answers=[good({"items": [], "nextCursor": None})])
    assert app.run("messages", FILTERS[name].flag, "x").exit_code == 0
    assert dict(app.requests[0].url.params) == {FILTERS[name].query_name: "x", "limit": "50"}


def test_providers_distinguishes_unobserved_health_from_bad_health() -> None:
    listed = [
        {"code": "A", "name": "[a]", "enabled": True, "healthy": None, "priority": 1, "simulated": True, "apiUrl": "http://s"},
        {"code": "B", "name": "b", "enabled": True, "healthy": False, "priority": 2, "simulated": False, "apiUrl": "http://b"},
        {"code": "C", "name": "c", "enabled": False, "healthy": None, "priority": 3, "simulated": False, "apiUrl": None},
    ]  # fmt: skip
    stats = {"providers": [{"code": "B", "sent": 8, "successRate": 0.875, "p95Ms": 41.6, "accountsWithoutSibling": 3}]}
    shown = FakeService(answers=[good(listed), good(stats)]).run("providers").stdout
    rows = {line.split()[0]: line for line in shown.splitlines()}
    assert "not observed yet" in rows["A"]
    assert "[a]" in rows["A"]
    assert "built-in simulator" in rows["A"]
    assert "unhealthy" in rows["B"]
    assert rows["B"].split()[-5:] == ["8", "87.5%", "42", "3", "http://b"]
    assert "disabled" in rows["C"]


def test_providers_are_listed_from_the_preferred_one_on() -> None:
    order = [("OFF", False, 0), ("SPARE", True, 2), ("MAIN", True, 1), ("SAME", True, 2)]
    listed = [
        {"code": code, "name": code, "enabled": enabled, "healthy": True, "priority": priority}
        for code, enabled, priority in order
    ]
    shown = FakeService(answers=[good(listed), good({"providers": []})]).run("providers").stdout
    codes = [line.split()[0] for line in shown.splitlines()]
    assert [code for code in codes if code.isupper()] == ["MAIN", "SPARE", "SAME", "OFF"]


def test_the_clients_of_a_provider_are_listed_page_by_page() -> None:
    guids = [f"g-{number}" for number in range(150)]
    app = FakeService(answers=[good(guids[:100], following="next"), good(guids[100:])])
    assert app.run("providers", "clients", "P", "--limit", "200").stdout.split() == guids
    assert [dict(request.url.params) for request in app.requests] == [
        {"limit": "100"},
        {"limit": "100", "cursor": "next"},
    ]
    more = FakeService(answers=[good(guids[:2], following="next")]).run("providers", "clients", "P", "--limit", "2")
    assert more.stdout.splitlines()[-1] == "more: take a larger --limit"


def test_a_client_and_the_accounts_without_a_sibling_are_shown() -> None:
    shown = (
        FakeService(answers=[good({"guid": "g-1", "state": "ONLINE"})]).run("providers", "client", "P", "g-1").stdout
    )
    assert shown.split() == ["g-1", "ONLINE"]
    item = {"accountId": "acc", "bindingId": "b", "guid": "g-1", "standby": "HOT"}
    listed = FakeService(answers=[good({"items": [item], "nextCursor": None})]).run("providers", "without-sibling", "P")
    assert listed.stdout.splitlines()[-1].split() == ["acc", "g-1", "HOT"]


def test_json_prints_the_data_and_nothing_else_and_the_envelope_of_an_error() -> None:
    assert json.loads(FakeService(answers=[good(status_of())]).run("status", "m-1", "--json").stdout) == status_of()
    refused = FakeService(answers=[bad(404, "NOT_FOUND")]).run("status", "m-1", "--json")
    assert json.loads(refused.stdout)["error"] == "NOT_FOUND"
    assert refused.exit_code == 66


def test_the_url_comes_from_the_option_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEWORK_MESSAGE_URL", "http://one.example/message/")
    app = FakeService(answers=[good(status_of()), good(status_of())])
    app.run("status", "m-1")
    app.run("status", "m-1", "--url", "http://two.example")
    assert [str(request.url) for request in app.requests] == [
        "http://one.example/message/api/messages/m-1/status",
        "http://two.example/api/messages/m-1/status",
    ]


@pytest.mark.parametrize(("status", "is_open"), [("QUEUED", True), ("UNKNOWN", True), ("DELIVERED", False)])
def test_a_repeated_async_send_is_shown_as_open_only_if_it_is(status: str, is_open: bool) -> None:
    answer = {"messageId": "m-1", "status": status, "duplicate": True, "scheduledAt": None, "statusUrl": "/x"}
    ended = FakeService([good(answer, 202)]).run(
        "send", "--guid", "g", "--to", "S:1", "--text", "x", "--async", "--key", "k"
    )
    assert ("not settled yet" in ended.output) is is_open
