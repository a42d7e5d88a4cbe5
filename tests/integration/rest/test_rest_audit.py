"""The audit trail over REST: every change leaves its beginning and its end, and no values (ADR 70)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from typing import Any, Final

import pytest
from tests.support.apps.credentials import CREDENTIALS, bearer
from tests.support.apps.rest import Rest, empty_metrics, serving
from tests.support.builders.messages import PROVIDER

from wework_message.application.audit.trail import AuditTrail
from wework_message.application.errors import UnauthenticatedError
from wework_message.domain.access.principal import PrincipalKind
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction, AuditEntry, AuditOutcome, Refusal
from wework_message.domain.errors import UnavailableError
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.auditing import refusal_of
from wework_message.entrypoints.rest.http.routing import AUDIT, HOT, NOT_AUDITED, post
from wework_message.entrypoints.rest.routes import served

ROUTES: Final = {
    f"{method} {path}": (method, path, handler.opt[AUDIT])
    for handler in served(Config(version="0", metrics=empty_metrics))
    for path in handler.paths
    for method in sorted(handler.http_methods)
    if method in {"POST", "PUT", "DELETE"}
}
AUDITED: Final = {name: route for name, route in ROUTES.items() if route[2] is not NOT_AUDITED}

UNAUDITED: Final = {
    "POST /api/messages/send", "POST /api/messages/send/async", "POST /api/messages/send/batch", "POST /api/media",
    "POST /api/callbacks/webhook", "POST /api/callbacks/webhook/{provider_code:str}",
    "POST /api/conversations/{conversation_id:str}/read", "POST /api/routing/explain",
}  # fmt: skip
"""What is stored with a history of its own, or changes nothing here. A new one is a decision: it belongs into docs/security.md."""

CANARY: Final = "a-canary-of-a-value"


def trail(rest: Rest) -> Sequence[AuditEntry]:
    return sorted(rest.in_memory_app.database.audit.committed_rows(), key=lambda entry: entry.seq)


@pytest.fixture
async def keyed() -> AsyncIterator[Rest]:
    async with serving(dispatching=False, credentials=CREDENTIALS) as rest:
        yield rest


def test_every_route_that_changes_something_says_what_the_trail_has_of_it() -> None:
    assert set(ROUTES) - set(AUDITED) == UNAUDITED
    with pytest.raises(TypeError, match="audit"):
        post("/api/new", scope=Scope.MESSAGES_SEND)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="hot"):
        post("/api/new", scope=Scope.MESSAGES_SEND, audit=AuditAction.KEY_CREATE, opt=HOT)


async def test_each_audited_route_leaves_what_was_begun_and_how_it_ended(idle: Rest) -> None:
    for name, (method, path, action) in AUDITED.items():
        before = len(trail(idle))
        address = path.replace(":str", "").replace("{", "").replace("}", "")
        answer = await idle.client.request(
            method, address, json={CANARY: CANARY}, headers={"X-Request-ID": f"r-{before}"}
        )
        begun, ended = trail(idle)[before:]
        assert begun.id == ended.id, name
        assert (begun.action, begun.outcome, begun.status) == (action, AuditOutcome.STARTED, None), name
        assert ended.status == answer.status_code, name
        assert ended.outcome is (AuditOutcome.DONE if answer.status_code < 400 else AuditOutcome.REFUSED), name
        assert (begun.actor_kind, begun.tenant_id, begun.address) == (PrincipalKind.OPEN, "default", "127.0.0.1"), name
        assert begun.request_id == ended.request_id == f"r-{before}", name
    assert CANARY not in str(trail(idle))


async def test_what_sends_and_what_comes_in_leaves_no_entry(idle: Rest) -> None:
    for name in UNAUDITED:
        method, path, _ = ROUTES[name]
        await idle.client.request(method, path.replace(":str", "").replace("{", "").replace("}", ""), json={})
    await idle.get("/api/messages")
    assert trail(idle) == []


async def test_an_entry_has_ids_and_names_of_fields_and_never_values(idle: Rest) -> None:
    created = await idle.post("/api/accounts", {"accountId": "sales-1", "name": CANARY, "bindings": []})
    assert created.status_code == 201
    _, ended = trail(idle)
    assert (ended.action, ended.outcome, ended.target) == (AuditAction.ACCOUNT_CREATE, AuditOutcome.DONE, "sales-1")
    assert ended.fields == ("accountId", "bindings", "name")
    assert CANARY not in str(trail(idle))


async def test_an_unknown_field_is_not_a_name_that_the_trail_keeps(idle: Rest) -> None:
    answer = await idle.post("/api/accounts", {CANARY: 1})
    assert answer.status_code == 422
    assert trail(idle)[-1].fields == ()


@pytest.mark.parametrize(
    ("path", "body", "target"),
    [
        ("/api/webhooks", {"url": "https://shop.example.com/x"}, None),
        ("/api/callbacks/tokens", {"providerCode": PROVIDER}, None),
        ("/api/control/pause", {"scope": "SERVICE", "reason": CANARY}, "SERVICE"),
        ("/api/control/pause", {"scope": "PROVIDER", "id": PROVIDER}, f"PROVIDER/{PROVIDER}"),
        ("/api/erasures", {"conversationId": "S:7881300000000001", "note": CANARY}, None),
        ("/api/dead-letters/replay", {"dryRun": True, "cause": "EXPIRED"}, None),
    ],
)
async def test_what_was_made_is_the_target_of_the_last_entry(
    idle: Rest, path: str, body: dict[str, object], target: str | None
) -> None:
    answer = await idle.post(path, body)
    if answer.status_code >= 400:
        raise AssertionError(answer.text)
    data = answer.json()["data"]
    ids = [data.get(name) for name in ("id", "webhookId", "tokenId", "erasureId", "replayId")]
    assert trail(idle)[-1].target in ([target] if target else ids)
    assert CANARY not in str(trail(idle))
    assert "7881300000000001" not in str(trail(idle))


async def test_nothing_is_done_while_the_trail_cannot_be_written(idle: Rest) -> None:
    idle.in_memory_app.database.failing_commits = 1
    answer = await idle.post("/api/accounts", {"accountId": "sales-1", "bindings": []})
    assert answer.status_code == 503
    assert trail(idle) == []
    assert (await idle.get("/api/accounts/sales-1")).status_code == 404


async def test_an_action_that_was_done_is_answered_although_its_end_was_not_written(
    idle: Rest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = idle.in_memory_app.database
    end = AuditTrail.end

    async def lost(*args: object, **extra: object) -> None:
        database.failing_commits = 1
        await end(*args, **extra)  # type: ignore[arg-type]

    monkeypatch.setattr(AuditTrail, "end", lost)
    answer = await idle.post("/api/accounts", {"accountId": "sales-1", "bindings": []})
    assert answer.status_code == 201
    (begun,) = trail(idle)
    assert begun.outcome is AuditOutcome.STARTED
    assert "does not say how account.create" in caplog.text


async def test_the_end_is_durable_before_the_answer_begins(idle: Rest) -> None:
    seen: list[list[AuditOutcome]] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b'{"accountId": "sales-1", "bindings": []}', "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 201
            seen.append([entry.outcome for entry in trail(idle)])

    headers = [(b"host", b"service"), (b"content-type", b"application/json")]
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http", "root_path": "",
        "path": "/api/accounts", "raw_path": b"/api/accounts", "query_string": b"", "headers": headers,
        "client": ("192.0.2.9", 4711), "server": ("service", 80),
    }  # fmt: skip
    await idle.app(scope, receive, send)
    assert seen == [[AuditOutcome.STARTED, AuditOutcome.DONE]]
    assert {entry.address for entry in trail(idle)} == {"192.0.2.9"}


async def test_behind_a_proxy_of_ours_the_address_is_the_one_that_it_names() -> None:
    async with serving(dispatching=False, trusted_proxies=(ip_network("127.0.0.0/8"),)) as rest:
        await rest.client.delete("/api/webhooks/x", headers={"X-Forwarded-For": "10.9.9.9, 2001:db8::7"})
        assert {entry.address for entry in trail(rest)} == {"2001:db8::7"}


async def test_nobody_is_believed_who_is_no_proxy_of_ours(idle: Rest) -> None:
    await idle.client.delete("/api/webhooks/x", headers={"X-Forwarded-For": "10.9.9.9"})
    assert {entry.address for entry in trail(idle)} == {"127.0.0.1"}


async def test_an_error_of_ours_is_an_end_of_which_nobody_knows(idle: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError(CANARY)

    registry = idle.in_memory_app.application.accounts
    monkeypatch.setattr(type(registry), "register", broken)
    assert (await idle.post("/api/accounts", {"accountId": "sales-1", "bindings": []})).status_code == 500
    assert [(entry.outcome, entry.status) for entry in trail(idle)] == [
        (AuditOutcome.STARTED, None), (AuditOutcome.FAILED, 500),
    ]  # fmt: skip


async def test_a_request_that_is_given_up_leaves_an_end_too(idle: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def endless(*args: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(type(idle.in_memory_app.application.accounts), "register", endless)
    request = asyncio.create_task(idle.post("/api/accounts", {"accountId": "sales-1", "bindings": []}))
    await begun.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert [(entry.outcome, entry.status) for entry in trail(idle)] == [
        (AuditOutcome.STARTED, None), (AuditOutcome.FAILED, None),
    ]  # fmt: skip


async def test_the_actor_is_the_key_and_the_trail_its_tenant_s(keyed: Rest) -> None:
    await keyed.client.post("/api/accounts", json={"accountId": "a", "bindings": []}, headers=bearer("of-another"))
    begun, ended = trail(keyed)
    assert (begun.actor_kind, begun.actor_id, begun.tenant_id) == (PrincipalKind.TOKEN, "abcdefgh", "another")
    own = await keyed.client.get("/api/audit", headers=bearer("of-another"))
    assert [item["outcome"] for item in own.json()["data"]["items"]] == ["DONE", "STARTED"]
    assert (await keyed.client.get("/api/audit", headers=bearer("everything"))).json()["data"]["items"] == []
    query = {"tenantId": "another"}
    operator = await keyed.client.get("/api/audit", params=query, headers=bearer("everything"))
    assert operator.json()["data"] == own.json()["data"]
    for text in ("only-audit:read", "all-but-tenants:admin"):
        refused = await keyed.client.get("/api/audit", params=query, headers=bearer(text))
        assert refused.status_code == 403
    other_way = await keyed.client.get("/api/audit", params={"tenantId": "default"}, headers=bearer("of-another"))
    assert other_way.status_code == 403
    assert (ended.target, ended.status) == ("a", 201)


async def test_who_is_not_let_in_leaves_one_entry_a_minute_with_a_count(keyed: Rest) -> None:
    for text in ("wrong", "wronger", "wrong"):
        assert (await keyed.client.get("/api/messages", headers=bearer(text))).status_code == 401
    await keyed.client.post("/api/messages/send", json={}, headers=bearer("wrong"))
    for _ in range(2):
        await keyed.client.delete("/api/webhooks/x", headers=bearer("only-messages:send"))
    assert trail(keyed) == []
    await keyed.in_memory_app.application.audit.refusals.flush()
    failed, missing = trail(keyed)
    assert (failed.action, failed.count, failed.address) == (AuditAction.LOGIN_FAILED, 4, "127.0.0.1")
    assert (failed.actor_id, failed.outcome, failed.tenant_id) == ("", AuditOutcome.REFUSED, "default")
    assert (missing.action, missing.count, missing.actor_id) == (AuditAction.SCOPE_MISSING, 2, "abcdefgh")
    assert missing.target == "webhooks:admin"
    assert "wrong" not in str(trail(keyed))


async def test_the_list_is_narrowed_and_paged(idle: Rest) -> None:
    for number in range(3):
        await idle.post("/api/accounts", {"accountId": f"sales-{number}", "bindings": []})
    await idle.client.delete("/api/webhooks/none")
    first = (await idle.get("/api/audit?limit=3")).json()["data"]
    assert [item["action"] for item in first["items"]] == ["webhook.delete", "webhook.delete", "account.create"]
    second = (await idle.get(f"/api/audit?limit=100&cursor={first['nextCursor']}")).json()["data"]
    assert (len(second["items"]), second["nextCursor"]) == (5, None)
    narrowed = (await idle.get("/api/audit?action=account.create&target=sales-1")).json()["data"]["items"]
    assert [(item["outcome"], item["target"], item["status"]) for item in narrowed] == [("DONE", "sales-1", 201)]
    assert (await idle.get("/api/audit?actorId=nobody")).json()["data"]["items"] == []
    assert (await idle.get("/api/audit?to=2021-01-01T00:00:00Z")).json()["data"]["items"] == []
    assert len((await idle.get("/api/audit?from=2021-01-01T00:00:00Z")).json()["data"]["items"]) == 8


@pytest.mark.parametrize(
    "query",
    ["action=no.such", "actorId=", "target=%00", "from=yesterday", "limit=0", "cursor=!", "unknown=1", "tenantId="],
)
async def test_a_wrong_parameter_is_named(idle: Rest, query: str) -> None:
    answer = await idle.get(f"/api/audit?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == query.partition("=")[0]


async def test_the_trail_is_unavailable_while_the_store_is(idle: Rest) -> None:
    idle.in_memory_app.database.away = True
    assert (await idle.get("/api/audit")).status_code == 503
    with pytest.raises(UnavailableError):
        idle.in_memory_app.database.check_available()


@pytest.mark.parametrize(
    ("address", "counted"), [("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("192.0.2.7", "192.0.2.7")]
)
def test_refusals_of_one_network_are_counted_together(address: str, counted: str) -> None:
    """Who has a /64 has more addresses than the trail tells apart."""
    scope: Any = {"client": (address, 1), "headers": []}
    assert refusal_of(scope, UnauthenticatedError(), ()) == Refusal(AuditAction.LOGIN_FAILED, counted)
