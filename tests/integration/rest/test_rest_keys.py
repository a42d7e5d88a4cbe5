"""API keys and tenants over HTTP: shown once, listed without their texts, refused once they end (ADR 69)."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.support.apps.credentials import CREDENTIALS, bearer
from tests.support.apps.rest import Rest, serving
from tests.support.builders.api_keys import ACME, a_tenant, an_api_key

from wework_message.application.access.directory import MAX_AGE_MS
from wework_message.application.access.keys import CreateKey
from wework_message.domain.access.api_keys import MAX_LIFE_S, is_well_formed
from wework_message.domain.access.principal import OPEN_PRINCIPAL, Principal
from wework_message.domain.access.scopes import ALL_SCOPES, Scope
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.entrypoints.wire.instants import iso

KEYS, TENANTS = "/message/api/keys", "/message/api/tenants"
SHOP = {"name": "shop", "scopes": ["messages:send", "messages:read"]}


@dataclass
class OfTheDirectory:
    """The keys of an application that starts after its server was configured."""

    rest: Rest | None = None

    def lookup(self, text: str) -> Principal | None:
        assert self.rest is not None
        return self.rest.in_memory_app.application.key_directory.lookup(text)

    async def principal_of(self, text: str) -> Principal:
        assert self.rest is not None
        return await self.rest.in_memory_app.application.key_directory.principal_of(text)

    def __hash__(self) -> int:
        return id(self)


@pytest.fixture
async def locked() -> AsyncIterator[Rest]:
    """Everybody needs a key, and there is one with all scopes: the client uses it."""
    credentials = OfTheDirectory()
    async with serving(dispatching=False, credentials=credentials) as rest:
        credentials.rest = rest
        first = await rest.in_memory_app.application.keys.create(
            OPEN_PRINCIPAL, CreateKey(DEFAULT_TENANT, "first", ALL_SCOPES)
        )
        rest.client.headers.update(bearer(first.text))
        yield rest


@pytest.fixture
async def scoped() -> AsyncIterator[Rest]:
    """Callers of `CREDENTIALS`, and a tenant beside the operator's."""
    async with serving(dispatching=False, credentials=CREDENTIALS) as rest:
        rest.in_memory_app.database.tenants.put(ACME, a_tenant())
        rest.in_memory_app.database.tenants.commit()
        yield rest


async def created(rest: Rest, **body: Any) -> dict[str, Any]:
    answer = await rest.post(KEYS, SHOP | body)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store"), answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def problems(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [problem["path"] for problem in answer.json()["errors"]]


def stored(rest: Rest) -> int:
    return len(rest.in_memory_app.database.api_keys.committed_items())


async def test_a_key_is_shown_once_listed_rotated_and_revoked(idle: Rest) -> None:
    clock = idle.in_memory_app.clock
    first = await created(idle, expiresInSeconds=3_600)
    assert is_well_formed(first["key"])
    assert first == {
        "keyId": first["key"].split("_")[2], "tenantId": "default", "name": "shop",
        "scopes": ["messages:read", "messages:send"], "environment": "live", "createdAt": iso(clock.now()),
        "expiresAt": iso(clock.now() + 3_600_000), "endsAt": None, "rotatedFrom": None, "lastUsedAt": None,
        "valid": True, "key": first["key"],
    }  # fmt: skip
    known = {name: value for name, value in first.items() if name != "key"}
    assert (await idle.get(KEYS)).json()["data"] == {"items": [known], "nextCursor": None}
    rotated = await idle.post(f"{KEYS}/{first['keyId']}/rotate", {"overlapSeconds": 60})
    assert (rotated.status_code, rotated.headers["cache-control"]) == (201, "no-store")
    second = rotated.json()["data"]
    assert (second["rotatedFrom"], second["scopes"]) == (first["keyId"], first["scopes"])
    again = await idle.post(f"{KEYS}/{first['keyId']}/rotate", {})
    assert (again.status_code, second["keyId"] in again.text) == (409, True)
    listed = (await idle.get(KEYS)).json()
    ends = {item["keyId"]: item["endsAt"] for item in listed["data"]["items"]}
    assert ends == {first["keyId"]: iso(clock.now() + 60_000), second["keyId"]: None}
    assert first["key"].split("_")[3] not in json.dumps(listed)
    clock.advance(60_000)
    later = (await idle.get(KEYS)).json()["data"]["items"]
    assert {item["keyId"]: item["valid"] for item in later} == {first["keyId"]: False, second["keyId"]: True}
    revoked = await idle.client.delete(f"{KEYS}/{second['keyId']}")
    assert revoked.json()["data"] == {"keyId": second["keyId"], "revoked": True}
    assert (await idle.client.delete(f"{KEYS}/{second['keyId']}")).status_code == 404
    assert (await idle.post(f"{KEYS}/{second['keyId']}/rotate", {})).status_code == 404


async def test_a_key_opens_what_it_may_until_it_is_revoked(locked: Rest) -> None:
    made = await created(locked)
    header = bearer(made["key"])
    assert (await locked.get("/api/messages", headers=header)).status_code == 200
    assert (await locked.get(KEYS, headers=header)).status_code == 403
    (mine,) = [item for item in (await locked.get(KEYS)).json()["data"]["items"] if item["name"] == "shop"]
    assert mine["lastUsedAt"] is None  # it is stored once a minute
    await locked.in_memory_app.application.key_directory.store_used()
    (mine,) = [item for item in (await locked.get(KEYS)).json()["data"]["items"] if item["name"] == "shop"]
    assert mine["lastUsedAt"] == iso(locked.in_memory_app.clock.now())
    assert (await locked.client.delete(f"{KEYS}/{made['keyId']}")).status_code == 200
    refused = await locked.get("/api/messages", headers=header)
    unknown = await locked.get("/api/messages", headers=bearer("wmk_live_nobody"))
    own = ("timestamp", "requestId")
    assert refused.status_code == 401
    assert {k: v for k, v in refused.json().items() if k not in own} == {
        k: v for k, v in unknown.json().items() if k not in own
    }


async def test_while_the_keys_cannot_be_read_a_request_is_503_and_tells_nothing(locked: Rest) -> None:
    locked.in_memory_app.database.away = True
    locked.in_memory_app.clock.advance(MAX_AGE_MS + 1)
    for header in ({}, bearer("wmk_live_nobody")):
        answer = await locked.get("/api/messages", headers=header)
        assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")


async def test_the_keys_of_a_disabled_tenant_are_refused(locked: Rest) -> None:
    tenant = await locked.post(TENANTS, {"tenantId": "acme", "name": "Acme Ltd"})
    data = {
        "tenantId": "acme",
        "name": "Acme Ltd",
        "createdAt": iso(locked.in_memory_app.clock.now()),
        "disabledAt": None,
    }
    assert (tenant.status_code, tenant.json()["data"]) == (201, data)
    header = bearer((await created(locked, tenantId="acme"))["key"])
    assert (await locked.get("/api/messages", headers=header)).status_code == 200
    disabled = await locked.post(f"{TENANTS}/acme/disable")
    assert disabled.json()["data"] == data | {"disabledAt": data["createdAt"]}
    assert (await locked.get("/api/messages", headers=header)).status_code == 401
    listed = (await locked.get(TENANTS)).json()["data"]
    assert [(item["tenantId"], item["disabledAt"] is None) for item in listed["items"]] == [
        ("acme", False),
        ("default", True),
    ]
    assert (await locked.post(f"{TENANTS}/acme/enable")).json()["data"] == data
    assert (await locked.get("/api/messages", headers=header)).status_code == 200


async def test_who_manages_keys_gives_no_more_than_it_has_and_reaches_no_other_tenant(scoped: Rest) -> None:
    only_keys = bearer(f"only-{Scope.KEYS_ADMIN}")
    refused = await scoped.post(KEYS, SHOP, headers=only_keys)
    assert (refused.status_code, "messages:read" in refused.json()["message"]) == (403, True)
    keys = scoped.in_memory_app.database.api_keys
    foreign = an_api_key(tenant_id=ACME, scopes=frozenset({Scope.KEYS_ADMIN}))
    keys.put(foreign.key_id, foreign)
    keys.commit()
    for other in (bearer("of-another"), only_keys):
        for path in (f"{KEYS}/{foreign.key_id}", f"{KEYS}/nobodyxx"):
            assert (await scoped.client.delete(path, headers=other)).status_code == 404
            assert (await scoped.post(f"{path}/rotate", {}, headers=other)).status_code == 404
        for answer in (
            await scoped.post(KEYS, SHOP | {"tenantId": "acme"}, headers=other),
            await scoped.get(f"{KEYS}?tenantId=acme", headers=other),
            await scoped.get(f"{KEYS}?tenantId=nobody", headers=other),
        ):
            assert (answer.status_code, "tenants:admin" in answer.text) == (403, True)
        assert (await scoped.get(KEYS, headers=other)).json()["data"]["items"] == []
    assert keys.committed_items() == {foreign.key_id: foreign}
    listed = await scoped.get(f"{KEYS}?tenantId=acme", headers=bearer("everything"))
    assert [item["keyId"] for item in listed.json()["data"]["items"]] == [foreign.key_id]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": None}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["messages:everything"]}, "scopes[0]"),
        ({"scopes": "messages:send"}, "scopes"),
        ({"expiresInSeconds": 59}, "expiresInSeconds"),
        ({"expiresInSeconds": MAX_LIFE_S + 1}, "expiresInSeconds"),
        ({"tenantId": "nobody"}, "tenantId"),
        ({"tenantId": "acme", "scopes": ["metrics"]}, "scopes"),
        ({"key": "wmk_mine"}, "key"),
    ],
)
async def test_a_bad_key_request_names_its_field_and_stores_nothing(idle: Rest, body: Any, path: str) -> None:
    assert problems(await idle.post(KEYS, SHOP | body)) == [path]
    assert stored(idle) == 0


@pytest.mark.parametrize("overlap", [-1, 2_592_001, "60", 1.5])
async def test_an_overlap_has_limits(idle: Rest, overlap: object) -> None:
    made = await created(idle)
    assert problems(await idle.post(f"{KEYS}/{made['keyId']}/rotate", {"overlapSeconds": overlap})) == [
        "overlapSeconds"
    ]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "x"}, "tenantId"),
        ({"tenantId": "Acme", "name": "x"}, "tenantId"),
        ({"tenantId": "a" * 65, "name": "x"}, "tenantId"),
        ({"tenantId": "acme"}, "name"),
        ({"tenantId": "acme", "name": "a\nb"}, "name"),
        ({"tenantId": "acme", "name": "x", "disabledAt": None, "key": 1}, "key"),
    ],
)
async def test_a_bad_tenant_request_names_its_field(idle: Rest, body: Any, path: str) -> None:
    assert path in problems(await idle.post(TENANTS, body))
    assert list(idle.in_memory_app.database.tenants.committed_items()) == ["default"]


async def test_only_a_tenant_that_is_there_is_disabled_and_never_the_operators(idle: Rest) -> None:
    assert (await idle.post(f"{TENANTS}/nobody/disable")).status_code == 404
    assert (await idle.post(f"{TENANTS}/nobody/enable")).status_code == 404
    answer = await idle.post(f"{TENANTS}/default/disable")
    assert (answer.status_code, answer.json()["error"]) == (409, "ILLEGAL_STATE")
    assert (await idle.post(TENANTS, {"tenantId": "default", "name": "x"})).status_code == 409
