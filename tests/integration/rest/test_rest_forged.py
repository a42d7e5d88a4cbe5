"""Who has no right key or token gets in nowhere, and learns nothing: the same answer, and no question to the database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.apps.guxing_app import running
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT
from tests.support.builders.api_keys import ACME
from tests.support.builders.issued_tokens import MUTATIONS, an_issuer, claims_at, token, write_key_set

from wework_message.adapters.memory.api_keys import MemoryApiKeyReader
from wework_message.adapters.tokens.jwt_verifier import JwtVerifier
from wework_message.application.access.authentication import Authentication
from wework_message.application.access.keys import CreateKey
from wework_message.domain.access.api_keys import NewKey, new_key
from wework_message.domain.access.principal import OPEN_PRINCIPAL
from wework_message.domain.access.scopes import ALL_SCOPES, OPERATOR_SCOPES, Scope
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config

STATUS = "/message/api/messages/status?ids=x"


@dataclass(slots=True)
class Locked:
    """A service that asks for keys, and how often its database was asked for them."""

    client: httpx.AsyncClient
    app: InMemoryApp
    looks: list[int]

    async def made(self, tenant: str = DEFAULT_TENANT, *scopes: Scope, expires_in_s: int | None = None) -> str:
        """The text of a new key."""
        allowed = frozenset(scopes) or (ALL_SCOPES if tenant == DEFAULT_TENANT else ALL_SCOPES - OPERATOR_SCOPES)
        command = CreateKey(TenantId(tenant), "shop", allowed, expires_in_s)
        return (await self.app.application.keys.create(OPEN_PRINCIPAL, command)).text

    async def status(self, path: str = STATUS, **headers: str) -> int:
        return (await self.client.get(path, headers=headers)).status_code


@pytest.fixture
async def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Locked]:
    looks: list[int] = []
    look = MemoryApiKeyReader.keys_since

    async def counted(reader: MemoryApiKeyReader, known: Any) -> Any:
        looks.append(1)
        return await look(reader, known)

    monkeypatch.setattr(MemoryApiKeyReader, "keys_since", counted)
    async with running(dispatching=False) as app:
        verifier = JwtVerifier(an_issuer(write_key_set(tmp_path / "keys.json")), app.clock)
        credentials = Authentication(app.application.key_directory, verifier)
        edge = create_app(app.application, Config(version="0", credentials=credentials, now=app.clock.now))
        transport = httpx.ASGITransport(edge, raise_app_exceptions=False)  # type: ignore[arg-type] # httpx knows no scope types
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            await app.application.tenants.create(ACME, "Acme")
            yield Locked(client, app, looks)


def bearer(text: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {text}")]


def confused(right: str, of_another: str, now_s: int) -> dict[str, list[tuple[str, str]]]:
    """Headers around right keys that say too little, too much, or two things."""
    of_issuer = token(now_s)
    return {
        "nothing": [],
        "an empty header": [("Authorization", "")],
        "an empty key": [("X-API-Key", "")],
        "a blank key": [("X-API-Key", "   ")],
        "the scheme alone": [("Authorization", "Bearer")],
        "the scheme and a blank": [("Authorization", "Bearer ")],
        "no scheme": [("Authorization", right)],
        "another scheme": [("Authorization", f"Basic {right}")],
        "a scheme that begins like ours": [("Authorization", f"BearerX {right}")],
        "two keys that differ": [*bearer(right), ("X-API-Key", of_another)],
        "a key and a token": [*bearer(of_issuer), ("X-API-Key", right)],
        "a key and an empty one": [*bearer(right), ("X-API-Key", "")],
        "a key and another scheme": [("Authorization", "Basic eDp5"), ("X-API-Key", right)],
        "two headers that differ": [*bearer(right), *bearer(of_another)],
        "two of the other header": [("X-API-Key", right), ("X-API-Key", of_another)],
        "two keys in one header": bearer(f"{right}, {right}"),
        "two keys with a blank": bearer(f"{right} {of_another}"),
        "a key in quotes": bearer(f'"{right}"'),
        "the key as a cookie": [("Cookie", f"X-API-Key={right}")],
        "the key as another header": [("Api-Key", right), ("X-Api-Token", right)],
        "another tenant's name beside nothing": [("X-Tenant-Id", DEFAULT_TENANT)],
    }


def forged(right: str) -> dict[str, str]:
    """Texts that are nearly a right key."""
    head, _, checksum = right.rpartition("_")
    prefix, environment, key_id, secret = head.split("_")
    stranger, _ = new_key(bytes(64), NewKey(DEFAULT_TENANT, "x", ALL_SCOPES), 0)
    return {
        "a well-formed key that nobody made": stranger,
        "the secret of another key": f"{prefix}_{environment}_{key_id}_{'a' * 52}_{checksum}",
        "another id": f"{prefix}_{environment}_{'a' * 8}_{secret}_{checksum}",
        "another checksum": f"{head}_00000000",
        "no checksum": head,
        "another environment in the text": right.replace("_live_", "_test_"),
        "in capitals": right.upper(),
        "a letter more": f"{right}a",
        "a letter less": right[:-1],
        "the hash in the place of the key": key_id * 8,
        "the id alone": key_id,
        "a wildcard": "%",
        "a quote": "wmk_live_' OR '1'='1",
        "a long text": "wmk_" + "a" * 12_000,
        "letters beyond ASCII": "wmk_schlüssel",
    }


async def test_every_forged_or_confused_request_gets_the_same_answer(locked: Locked) -> None:
    app, now_s = locked.app, locked.app.clock.now() // 1000
    right, of_acme = await locked.made(), await locked.made(ACME)
    assert await locked.status(**dict(bearer(right))) == 200
    requests = confused(right, of_acme, now_s)
    requests |= {name: bearer(text) for name, text in forged(right).items()}
    requests |= {f"a token: {name}": bearer(make(now_s)) for name, make in MUTATIONS.items()}
    assert len(requests) > 60
    locked.looks.clear()
    bodies = set()
    for name, headers in requests.items():
        encoded = [(key.encode(), value.encode("latin-1")) for key, value in headers]
        for method, path, body in (("GET", STATUS, None), ("POST", ASYNC, TEXT), ("DELETE", "/api/webhooks/x", None)):
            answer = await locked.client.request(method, path, json=body, headers=encoded)
            shown = answer.json()
            assert answer.status_code == 401, (name, method)
            assert answer.headers["www-authenticate"] == "Bearer"
            del shown["requestId"]
            bodies.add(tuple(sorted(shown.items())))
    assert len(bodies) == 1
    assert dict(bodies.pop())["error"] == "UNAUTHENTICATED"
    assert locked.looks == []
    assert app.stored() == 0


@pytest.mark.parametrize("path", [SEND, ASYNC, BATCH])
async def test_a_body_of_a_stranger_is_not_even_read(locked: Locked, path: str) -> None:
    reads: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        reads.append(1)
        yield b"{"

    answer = await locked.client.post(path, content=body(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, reads) == (401, [])


async def test_a_key_shown_twice_is_one_key(locked: Locked) -> None:
    right = await locked.made()
    assert await locked.status(**dict(bearer(right)), **{"X-API-Key": right}) == 200
    assert await locked.status(Authorization=f"bearer   {right} ") == 200


async def test_a_key_that_has_ended_is_refused_like_a_wrong_one(locked: Locked) -> None:
    app = locked.app
    expiring, revoked, of_acme = await locked.made(expires_in_s=60), await locked.made(), await locked.made(ACME)
    for text in (expiring, revoked, of_acme):
        assert await locked.status(**{"X-API-Key": text}) == 200
    await app.application.keys.revoke(OPEN_PRINCIPAL, revoked.split("_")[2])
    assert await locked.status(**{"X-API-Key": revoked}) == 401
    await app.application.tenants.disable(ACME)
    assert await locked.status(**{"X-API-Key": of_acme}) == 401
    assert await locked.status(**dict(bearer(token(app.clock.now() // 1000, tenant=ACME)))) == 401
    await app.application.tenants.enable(ACME)
    assert await locked.status(**{"X-API-Key": of_acme}) == 200
    app.clock.advance(60_000)
    assert await locked.status(**{"X-API-Key": expiring}) == 401
    assert await locked.status(**{"X-API-Key": of_acme}) == 200


async def test_a_caller_acts_for_the_tenant_of_its_proof_whatever_it_asks_for(locked: Locked) -> None:
    app, now_s = locked.app, locked.app.clock.now() // 1000
    of_default, of_acme = await locked.made(), await locked.made(ACME)
    by_token = token(now_s, tenant=ACME, scope="messages:read")
    headers = {"X-API-Key": of_default, "X-Tenant-Id": ACME, "X-Forwarded-User": ACME}
    sent = (await locked.client.post(ASYNC, json=TEXT, headers=headers)).json()["data"]["messageId"]
    listed = "/message/api/messages"
    for text, count in ((of_default, 1), (of_acme, 0), (by_token, 0)):
        page = await locked.client.get(f"{listed}?limit=10", headers=dict(bearer(text)))
        assert len(page.json()["data"]["items"]) == count
        assert (await locked.client.get(f"{listed}/{sent}", headers=dict(bearer(text)))).status_code == (
            200 if count else 404
        )
    refused = await locked.client.get(f"{listed}?tenantId={ACME}", headers=dict(bearer(of_default)))
    assert refused.status_code == 422
    assert app.stored() == 1


async def test_a_token_has_the_scopes_of_its_claims_and_no_operators_scope_of_a_tenant(locked: Locked) -> None:
    now_s = locked.app.clock.now() // 1000
    read = dict(bearer(token(now_s, scope="messages:read openid")))
    assert await locked.status(**read) == 200
    refused = await locked.client.post(ASYNC, json=TEXT, headers=read)
    assert (refused.status_code, refused.json()["message"]) == (403, "this needs the scope messages:send")
    everything = token(now_s, tenant=ACME, scope=" ".join(Scope))
    assert await locked.status("/api/providers/GUANGZHOU_GUXING/clients", **dict(bearer(everything))) == 403
    assert claims_at(now_s)["tenant"] == DEFAULT_TENANT


async def test_a_forced_retry_needs_the_scope_of_those_who_answer_for_doubles(locked: Locked) -> None:
    sender = dict(bearer(await locked.made(DEFAULT_TENANT, Scope.MESSAGES_SEND)))
    sent = (await locked.client.post(ASYNC, json=TEXT, headers=sender)).json()["data"]["messageId"]
    retry = f"/message/api/messages/{sent}/retry"
    assert (await locked.client.post(retry, headers=sender)).status_code == 409
    refused = await locked.client.post(f"{retry}?force=true", headers=sender)
    assert (refused.status_code, refused.json()["message"]) == (403, "this needs the scope messages:force")
    both = dict(bearer(await locked.made(DEFAULT_TENANT, Scope.MESSAGES_SEND, Scope.MESSAGES_FORCE)))
    assert (await locked.client.post(f"{retry}?force=true", headers=both)).status_code == 409


async def test_while_the_keys_cannot_be_known_nobody_is_let_in_and_nobody_is_called_wrong(
    locked: Locked, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, of_issuer = await locked.made(), dict(bearer(token(locked.app.clock.now() // 1000)))
    assert await locked.status(**{"X-API-Key": right}) == await locked.status(**of_issuer) == 200

    async def away(*_: Any) -> None:
        raise UnavailableError("database")

    monkeypatch.setattr(MemoryApiKeyReader, "keys_since", away)
    locked.app.clock.advance(4_000)
    assert await locked.status(**{"X-API-Key": right}) == 200
    locked.app.clock.advance(2_000)
    answer = await locked.client.get(STATUS, headers={"X-API-Key": right})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert await locked.status(**of_issuer) == 503, "its tenant may be disabled since"
    assert (await locked.client.get("/api/health")).status_code == 200


async def test_a_page_of_another_site_is_refused_before_its_key_is_looked_at(locked: Locked) -> None:
    right = dict(bearer(await locked.made()))
    assert await locked.status(**right, Origin="https://evil.example") == 403
    assert await locked.status(**right, Origin="http://service") == 200


async def test_a_signed_address_of_media_needs_no_key_and_no_other_address_does_without(locked: Locked) -> None:
    content = "/message/api/media/none/content"
    assert await locked.status(content) == 401
    assert await locked.status(f"{content}?expires=1") == 401
    assert await locked.status(f"{content}?expires=1&signature=x") == 404
    assert await locked.status(f"{content}?x=signature=") == 422
