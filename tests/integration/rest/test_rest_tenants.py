"""Two tenants of one service: what is another's is as if it were not there, on every route (ADR 69)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from tests.support.apps.two_tenants import (
    ACCOUNT,
    CAMPAIGN,
    GUID,
    KEY,
    MARK,
    PERSON,
    POOL,
    TwoTenants,
    two_tenants,
    unnamed,
)
from tests.support.builders.messages import PROVIDER

from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.routing import PUBLIC, SCOPE
from wework_message.entrypoints.rest.routes import served

ROUTES: Final = {
    f"{method} {path.replace(':str', '')}"
    for handler in served(Config(version="0"))
    for path in handler.paths
    for method in handler.http_methods - {"HEAD", "OPTIONS"}
    if handler.opt[SCOPE] is not PUBLIC
}

OPERATORS: Final = {
    "GET /api/providers/{provider_code}/clients",
    "GET /api/providers/{provider_code}/clients/{guid}/status",
    "POST /api/tenants",
    "GET /api/tenants",
    "POST /api/tenants/{tenant_id}/disable",
    "POST /api/tenants/{tenant_id}/enable",
}
"""They reach beyond one tenant: only keys of the operator may have their scopes."""

OF_ALL: Final = {
    "GET /api/providers", "GET /api/providers/default", "GET /api/providers/health", "GET /api/providers/stats",
    "GET /api/providers/{provider_code}", "GET /api/providers/{provider_code}/health",
}  # fmt: skip
"""Providers are the operator's, and every tenant sends through them. Numbers are those of the service."""

NO_NAMES: Final = {
    "POST /api/media": "a file, or a URL: an asset of the tenant",
    "POST /api/accounts": "ids and guids, which are one account's in the whole service: see below",
    "POST /api/webhooks": "a URL: an endpoint of the tenant",
    "POST /api/erasures": "a person: only what the tenant has of it is erased (tests/contracts/erasures_contract.py)",
    "GET /api/callbacks/stats": "numbers",
    "GET /api/audit": "the tenant's own trail: who names the target of another finds his own tries",
    "GET /api/callbacks/tokens": "a list", "GET /api/webhooks": "a list", "GET /api/media": "a list",
    "GET /api/erasures": "a list", "GET /api/control": "a list", "GET /api/dead-letters/intake": "a list",
    "GET /api/dead-letters/replays": "a list",
    "GET /api/providers/{provider_code}/accounts-without-sibling": "a list",
}  # fmt: skip
"""Requests that can name nothing of another tenant, and why."""

ABSENT: Final = {
    **dict.fromkeys(
        ("message_id", "batch_id", "webhook_id", "media_id", "erasure_id", "replay_id", "event_id"),
        "01976f00-0000-7000-8000-0000000000ff",
    ),
    "token_id": "00000000", "key_id": "aaaaaaaa", "tenant_id": "nobody", "account_id": "nobody-account", "binding_id": f"bind:{PROVIDER}:nobody-guid",
    "guid": "nobody-guid", "callback_id": "987654321", "dead_letter_id": "987654321", "person": "S:7881399999900000",
    "campaign": "nobody-campaign", "key": "nobody-key", "pool": "nobody-pool",
}  # fmt: skip
"""Names of nothing."""


class Case(NamedTuple):
    """A request that names something; ``<name>`` in a text is a name of the first tenant, or of nothing."""

    route: str
    status: int = 404
    body: Any = None
    params: dict[str, str] = {}  # noqa: RUF012 -- nobody changes it


SENT: Final = {"messageType": "TEXT", "content": "hello", "conversationId": "S:7"}
OWN: Final = SENT | {"guid": "<own>"}
QUOTE: Final = OWN | {"messageType": "QUOTE", "quoteMessageId": "<message_id>"}
IMAGE: Final = {"guid": "<own>", "conversationId": "S:7", "messageType": "IMAGE", "mediaId": "<media_id>"}
SEEN: Final = {"asOf": "2025-06-15T15:06:40Z", "dryRun": True}
KEY_OF: Final = {"name": "mine", "scopes": ["messages:read"]}
REPLAY: Final = "POST /api/callbacks/replay"
SINCE: Final = "2025-01-01T00:00:00Z"
WEBHOOK: Final = {"url": "https://shop.example.com/new", "events": ["message.status"], "enabled": True}
SENDS: Final = (
    SENT | {"guid": "<guid>"}, SENT | {"accountId": "<account_id>"}, SENT | {"pool": "<pool>"}, QUOTE, IMAGE,
)  # fmt: skip

CASES: Final = (
    *[Case("POST /api/messages/send/async", 422, body) for body in SENDS],
    *[Case("POST /api/messages/send", 422, body) for body in SENDS],
    *[Case("POST /api/routing/explain", 422, body) for body in SENDS],
    *[Case("POST /api/messages/send/batch", 422, {"messages": [body]}) for body in SENDS],
    Case("POST /api/messages/send/batch", 422, {"messages": [OWN | {"tenantId": "first"}]}),
    Case("GET /api/messages/batches/{batch_id}"),
    Case("POST /api/messages/batches/{batch_id}/cancel"),
    Case("GET /api/messages", 200, params={"guid": "<guid>"}),
    Case("GET /api/messages", 200, params={"accountId": "<account_id>"}),
    Case("GET /api/messages", 200, params={"accountId": "<account_id>", "status": "FAILED"}),
    Case("GET /api/messages", 200, params={"conversationId": "<person>"}),
    Case("GET /api/messages", 200, params={"batchId": "<batch_id>"}),
    Case("GET /api/messages", 200, params={"campaignId": "<campaign>"}),
    Case("GET /api/messages", 200, params={"clientMessageId": "<key>"}),
    Case("GET /api/messages/status", 200, params={"ids": "<message_id>"}),
    Case("GET /api/messages/{message_id}"),
    Case("GET /api/messages/{message_id}/status"),
    Case("GET /api/messages/{message_id}/status", params={"wait": "1"}),
    Case("POST /api/messages/{message_id}/retry"),
    Case("POST /api/messages/{message_id}/retry", params={"force": "true"}),
    Case("POST /api/messages/{message_id}/cancel"),
    Case("DELETE /api/messages/{guid}/messages/{message_id}"),
    Case("POST /api/messages/{message_id}/resolve", 404, {"outcome": "NOT_SENT", "note": "seen"}),
    Case("POST /api/messages/resolve", 200, {"outcome": "NOT_SENT", "accountId": "<account_id>"} | SEEN),
    Case("GET /api/accounts", 200, params={"guid": "<guid>"}),
    Case("GET /api/accounts", 200, params={"pool": "<pool>", "includeImplicit": "true"}),
    Case("GET /api/accounts/{account_id}"),
    Case("PUT /api/accounts/{account_id}", 404, {"name": "mine"}),
    Case("POST /api/accounts/{account_id}/bindings", 404, {"providerCode": PROVIDER, "guid": "new-guid"}),
    Case("PUT /api/accounts/{account_id}/bindings/{binding_id}", 404, {"weight": 7}),
    Case("POST /api/accounts/{account_id}/bindings/{binding_id}/activate"),
    Case("POST /api/accounts/{account_id}/bindings/{binding_id}/login-code"),
    Case("POST /api/accounts/{account_id}/bindings/{binding_id}/login-code/verify", 404, {"code": "123456"}),
    Case("DELETE /api/accounts/{account_id}/bindings/{binding_id}"),
    Case("POST /api/conversations/S:7/read", 422, params={"guid": "<guid>"}),
    Case("POST /api/conversations/S:7/read", 422, params={"accountId": "<account_id>"}),
    Case("GET /api/mass-tasks", 422, params={"guid": "<guid>"}),
    Case("GET /api/mass-tasks/7", 422, params={"guid": "<guid>"}),
    Case("GET /api/callbacks/{guid}/recent", 200),
    Case("GET /api/callbacks/{guid}/callbacks/11010", 200),
    Case("GET /api/callbacks/quarantine", 200, params={"guid": "<guid>"}),
    Case("GET /api/callbacks/parked", 200, params={"guid": "<guid>"}),
    Case("DELETE /api/callbacks/quarantine", 200, params={"guid": "<guid>"}),
    Case("POST /api/callbacks/replay", 200, {"since": SINCE, "guid": "<guid>", "dryRun": True}),
    Case("POST /api/callbacks/replay", 200, {"since": SINCE, "guid": "<guid>"}),
    Case("GET /api/callbacks/by-id/{callback_id}"),
    Case("POST /api/callbacks/tokens", 422, {"providerCode": PROVIDER, "guid": "<guid>"}),
    Case("POST /api/callbacks/tokens/{token_id}/rotate", 404, {"overlapSeconds": 60}),
    Case("DELETE /api/callbacks/tokens/{token_id}"),
    Case("GET /api/dead-letters", 200, params={"accountId": "<account_id>"}),
    Case("GET /api/dead-letters/messages", 200, params={"accountId": "<account_id>"}),
    Case("POST /api/dead-letters/replay", 202, {"accountId": "<account_id>", "dryRun": True}),
    Case("GET /api/dead-letters/replays/{replay_id}"),
    Case("POST /api/dead-letters/replays/{replay_id}/cancel"),
    Case("GET /api/dead-letters/intake/{dead_letter_id}"),
    Case("POST /api/dead-letters/intake/{dead_letter_id}/replay"),
    Case("PUT /api/webhooks/{webhook_id}", 404, WEBHOOK),
    Case("DELETE /api/webhooks/{webhook_id}"),
    Case("POST /api/webhooks/{webhook_id}/rotate"),
    Case("POST /api/webhooks/{webhook_id}/recover", 404, {"since": SINCE}),
    Case("POST /api/webhooks/{webhook_id}/test"),
    Case("GET /api/webhooks/{webhook_id}/deliveries"),
    Case("GET /api/media/{media_id}"),
    Case("DELETE /api/media/{media_id}"),
    Case("GET /api/media/{media_id}/content"),
    Case("GET /api/media/{media_id}/content", params={"expires": "4102444800", "signature": "x" * 43}),
    Case("GET /api/erasures/{erasure_id}"),
    Case("POST /api/keys", 403, KEY_OF | {"tenantId": "<tenant_id>"}),
    Case("GET /api/keys", 403, params={"tenantId": "<tenant_id>"}),
    Case("POST /api/keys/{key_id}/rotate", 404, {"overlapSeconds": 60}),
    Case("DELETE /api/keys/{key_id}"),
    Case("POST /api/control/pause", 422, {"scope": "ACCOUNT", "id": "<account_id>"}),
    Case("POST /api/control/pause", 422, {"scope": "BATCH", "id": "<batch_id>"}),
    Case("POST /api/control/resume", 200, {"scope": "ACCOUNT", "id": "<account_id>"}),
)  # fmt: skip

BLIND: Final = ("'tenantId': 'first'", "signature")
"""Cases that are refused whatever they name."""

TEMPLATES: Final = {
    "POST /api/conversations/S:7/read": "POST /api/conversations/{conversation_id}/read",
    "GET /api/mass-tasks/7": "GET /api/mass-tasks/{task_id}",
    "GET /api/callbacks/{guid}/callbacks/11010": "GET /api/callbacks/{guid}/callbacks/{notify_type}",
}
"""Routes of cases with a name in the path that is nobody's."""


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[TwoTenants]:
    async with two_tenants(tmp_path) as both:
        yield both


def filled(template: Any, names: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {key: filled(value, names) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, names) for value in template]
    if isinstance(template, str):
        for name, value in names.items():
            template = template.replace(f"<{name}>", value).replace(f"{{{name}}}", value)
    return template


async def answers(both: TwoTenants, case: Case, names: dict[str, str], who: str = "second") -> tuple[int, str]:
    method, _, path = filled(case.route, names).partition(" ")
    names = names | {"own": GUID if who == "first" else "shop-guid"}
    answer = await both.ask(who, method, path, filled(case.body, names), params=filled(case.params, names))
    return unnamed(answer, *sorted(filter(_is_long, names.values()), key=len, reverse=True))


def _is_long(name: str) -> bool:
    return len(name) > 4


def firsts(both: TwoTenants) -> dict[str, str]:
    return both.ids | {"person": PERSON, "campaign": CAMPAIGN, "key": KEY, "pool": POOL}


def test_every_route_is_crossed_or_says_why_not() -> None:
    crossed = {TEMPLATES.get(case.route, case.route) for case in CASES}
    assert crossed | OPERATORS | OF_ALL | set(NO_NAMES) == ROUTES
    assert not crossed & (OPERATORS | OF_ALL | set(NO_NAMES))


async def test_what_is_another_tenants_is_answered_like_what_is_not_there_and_stays_as_it_is(both: TwoTenants) -> None:
    before = {table: rows for table, rows in (await both.rows()).items() if MARK in repr(rows)}
    for case in CASES:
        foreign = await answers(both, case, firsts(both))
        assert foreign == await answers(both, case, ABSENT), case
        assert foreign[0] == case.status, (case, foreign)
    after = await both.rows()
    tries = set(after["wm_audit"])  # the other tenant's are in its own trail
    assert set(before.pop("wm_audit")) < tries
    for table, rows in before.items():
        assert [row for row in rows if MARK in row] == [row for row in after[table] if MARK in row], table


async def test_the_same_requests_of_their_owner_find_what_they_name(both: TwoTenants) -> None:
    """Else the crossing would prove nothing: each request would be answered so, whoever sends it."""
    blind = []
    for case in sorted(CASES, key=lambda case: (case.route == REPLAY, case.route.startswith("DELETE"))):
        if "wait" not in case.params and case.route != "POST /api/messages/send":  # those wait for a dispatcher
            own = await answers(both, case, firsts(both), "first")
            if own == await answers(both, case, ABSENT, "first"):
                blind.append(case)
    assert [case for case in blind if not any(word in str(case) for word in BLIND)] == []


async def test_no_list_and_no_number_shows_anything_of_another_tenant(both: TwoTenants) -> None:
    known = firsts(both) | {"provider_code": PROVIDER, "task_id": "7", "notify_type": "11010"}
    names = known | {name: ABSENT[name] for name in both.ids}
    for route in sorted(route for route in ROUTES if route.startswith("GET")):
        path = filled(route, names).partition(" ")[2]
        for params in ({}, {"includeImplicit": "true"}) if path == "/api/accounts" else ({},):
            for who in ("second", "operator"):
                answer = await both.ask(who, "GET", path, params=params)
                assert [mark for mark in both.marks if mark in answer.text] == [], (who, answer.text)


async def test_cursors_of_another_tenant_are_places_in_ones_own_lists(both: TwoTenants) -> None:
    for route in sorted(ROUTES):
        method, _, path = route.partition(" ")
        if method != "GET" or "{" in path:
            continue
        options = {"params": {"limit": "1"}}
        first = await both.ask("first", "GET", path, **options)
        cursor = (
            first.headers.get("x-next-cursor") or (first.json().get("data") or {}).get("nextCursor")
            if first.status_code == 200 and isinstance(first.json().get("data"), dict)
            else None
        )
        if cursor is None:
            continue
        second = await both.ask("second", "GET", path, params={"cursor": cursor})
        assert second.status_code == 200, path
        assert [mark for mark in both.marks if mark in second.text] == [], path


async def test_a_name_that_must_be_unique_is_taken_whoever_has_it_and_nothing_says_who(both: TwoTenants) -> None:
    bindings = [{"providerCode": PROVIDER, "guid": GUID}]
    for body, field in (
        ({"accountId": ACCOUNT}, "accountId"),
        ({"accountId": "mine", "bindings": bindings}, "bindings[0].guid"),
        ({"bindings": bindings}, "bindings[0].guid"),
    ):
        answer = await both.ask("second", "POST", "/api/accounts", body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (409, field), answer.text
        assert MARK not in answer.text.replace(ACCOUNT, "") or "accountId" in body
    bound = await both.ask("second", "POST", "/api/accounts/shop/bindings", bindings[0])
    assert (bound.status_code, ACCOUNT in bound.text) == (409, False)


async def test_a_guid_that_its_tenant_has_given_up_is_still_no_other_tenants(both: TwoTenants) -> None:
    path = f"/api/accounts/{ACCOUNT}/bindings"
    await both.data("first", "DELETE", f"{path}/{both.ids['binding_id']}")
    binding = {"providerCode": PROVIDER, "guid": GUID}
    for who in ("second", "operator"):
        if who == "operator":
            await both.data(who, "POST", "/api/accounts", {"accountId": "ops"})
        account = "shop" if who == "second" else "ops"
        assert (await both.ask(who, "POST", f"/api/accounts/{account}/bindings", binding)).status_code == 409
    assert await both.data("operator", "GET", f"/api/callbacks/{GUID}/recent") == []
    assert len(await both.data("first", "GET", f"/api/callbacks/{GUID}/recent")) == 3
    await both.data("first", "POST", path, binding)


async def test_only_the_operator_sends_by_a_guid_that_nobody_has_registered(both: TwoTenants) -> None:
    body = SENT | {"guid": "moved-in"}
    answer = await both.ask("second", "POST", "/api/messages/send/async", body)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, ["guid"])
    message = await both.data("operator", "POST", "/api/messages/send/async", body)
    assert (await both.ask("second", "GET", f"/api/messages/{message['messageId']}")).status_code == 404
    named = await both.ask("operator", "POST", "/api/messages/send/async", SENT | {"guid": GUID})
    assert (named.status_code, [error["path"] for error in named.json()["errors"]]) == (422, ["guid"])


async def test_a_key_of_a_request_is_one_of_its_tenant(both: TwoTenants) -> None:
    own = SENT | {"guid": "shop-guid", "clientMessageId": KEY}
    mine = await both.data("second", "POST", "/api/messages/send/async", own)
    assert mine["messageId"] != both.ids["message_id"]
    assert mine["duplicate"] is False
    again = await both.data("second", "POST", "/api/messages/send/async", own)
    assert (again["messageId"], again["duplicate"]) == (mine["messageId"], True)


@pytest.mark.parametrize(("scope", "name"), [("SERVICE", None), ("PROVIDER", PROVIDER), ("TENANT", "second")])
async def test_what_reaches_beyond_accounts_and_batches_is_stopped_by_the_operator_alone(
    both: TwoTenants, scope: str, name: str | None
) -> None:
    body = {"scope": scope, "id": name}
    for route in ("/api/control/pause", "/api/control/resume"):
        answer = await both.ask("second", "POST", route, body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "scope")
    await both.data("operator", "POST", "/api/control/pause", body)
    assert (await both.ask("second", "POST", "/api/control/resume", body)).status_code == 422
    assert (await both.data("second", "GET", "/api/control"))["items"] == []
    assert [pause["scope"] for pause in (await both.data("operator", "GET", "/api/control"))["items"]] == [scope]
    assert (await both.data("operator", "POST", "/api/control/resume", body))["resumed"] is True


async def test_a_token_for_every_instance_of_a_provider_is_made_by_the_operator_alone(both: TwoTenants) -> None:
    answer = await both.ask("second", "POST", "/api/callbacks/tokens", {"providerCode": PROVIDER})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "guid")
    await both.data("operator", "POST", "/api/callbacks/tokens", {"providerCode": PROVIDER})
