"""What a client requests comes back as it was requested: every field of a request, in every shape of a request, on every store."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.apps.doubles import NullObserver
from tests.support.apps.guxing_app import GUXING
from tests.support.apps.rest import ASYNC, BATCH, serving
from tests.support.builders.messages import OPTION_NAMES
from tests.support.mysql import EmptyDatabase, opened_store, settings_of
from tests.support.sqlite import migrated_store

from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.system import SystemClock
from wework_message.application.accept.senders import signed
from wework_message.application.role import Role
from wework_message.bootstrap.process import ProcessMetrics, running
from wework_message.bootstrap.settings import load
from wework_message.domain.account import implicit_account_id
from wework_message.domain.content import Content, MergedContent, QuoteContent, decode_content, encode_content
from wework_message.domain.ids import DEFAULT_TENANT, Guid
from wework_message.domain.message.draft import Draft
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.fields import COMMON_NAMES, Common, Instant
from wework_message.testing.strategies import drafts

YEAR_2100: Final = 4_102_444_800_000
FAR_AHEAD: Final = 36_500
"""Days from now that instants of these requests may have: they must be in the future of every clock here."""
KNOWN_GUID: Final = Guid("known")
"""The sender whose account exists."""

_NOT_OF_A_MESSAGE: Final = frozenset({"async", "pool"})
"""How the request is answered, and what became its account."""
_NOT_OF_ONE_MESSAGE: Final = frozenset({"conversationId", "clientMessageId"})
"""What a request for several messages says otherwise, or of all of them together."""

RECEIVER: Final = "https://hooks.example.com/messages"
"""The URL of a registered webhook: a callback URL of a request is of its origin."""

_serial = itertools.count()


def _fields(draft: Draft) -> Iterator[tuple[str, Any]]:
    """The common fields of the request that asks for this draft."""
    for field in msgspec.structs.fields(Common):
        if field.encode_name in _NOT_OF_A_MESSAGE:
            continue
        holder = draft.options if field.name in OPTION_NAMES else draft
        value: Any = str(draft.conversation) if field.name == "conversation_id" else getattr(holder, field.name)
        if field.name == "account_id" and draft.guid is None:
            value = implicit_account_id(KNOWN_GUID)
        if field.name == "provider_code" and value is not None:
            value = GUXING
        if field.name == "client_message_id" and value is not None:
            value = f"{next(_serial)} {value}"  # examples share a store
        if field.name == "status_callback_url" and value is not None:
            value = f"{RECEIVER}/{next(_serial)}"
        if value is not None:
            yield field.encode_name, iso(value) if field.type == (Instant | None) else value


def _request(shape: str, requested: Mapping[str, Any], content: Content) -> tuple[str, dict[str, Any]]:
    """Path and body."""
    wire: dict[str, Any] = msgspec.json.decode(encode_content(content))
    if shape == "one":
        return ASYNC, {**requested, **wire}
    if shape == "batch":
        return BATCH, {"messages": [{**requested, **wire}]}
    if shape == "MIXED":
        text = {"messageType": "TEXT", "content": "hi"}
        return ASYNC, {**requested, "messageType": "MIXED", "parts": [wire, text]}
    shared = {name: value for name, value in requested.items() if name not in _NOT_OF_ONE_MESSAGE}
    to = requested["conversationId"]
    recipients = {"roomList" if to.startswith("R:") else "userList": [to]}
    return BATCH, {**shared, **recipients, "content": "hi", "mode": "FANOUT"}


def _messages(data: Mapping[str, Any]) -> list[str]:
    return [item["messageId"] for item in data.get("items", data.get("parts", [data]))]


def _stored(content: Content, accepted_at: str) -> Content:
    """As it is sent: a merged record has the authors and times of its items."""
    if not isinstance(content, MergedContent):
        return content
    return signed(content, sent_at=datetime.fromisoformat(accepted_at).replace(microsecond=0), wecom_user_id="")


def _stands_alone(draft: Draft) -> bool:
    """Whether it quotes no message of ours: there is none yet."""
    return not isinstance(draft.content, QuoteContent) or draft.content.quote_message_id is None


async def _register_receiver(client: httpx.AsyncClient) -> None:
    if not (await client.get("/api/webhooks")).json()["data"]["items"]:
        (await client.post("/api/webhooks", json={"url": RECEIVER, "events": ["message.status"]})).raise_for_status()


class ComesBack:
    """Subclasses provide `client`, whose service knows `KNOWN_GUID`."""

    @settings(
        max_examples=settings().max_examples // 2,
        # Examples share one store, and one suite is inherited by a class per store.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(draft=drafts(now=YEAR_2100).filter(_stands_alone), shape=st.sampled_from(["one", "batch", "MIXED", "Java"]))
    async def test_every_field_of_a_request_comes_back(
        self, client: httpx.AsyncClient, draft: Draft, shape: str
    ) -> None:
        requested = dict(_fields(draft))
        await _register_receiver(client)
        path, body = _request(shape, requested, draft.content)
        headers = {"Content-Type": "application/json"}
        accepted = await client.post(path, content=msgspec.json.encode(body), headers=headers)
        assert accepted.status_code == 202, accepted.text
        expected = requested
        if shape == "MIXED":
            expected = {name: value for name, value in requested.items() if name != "clientMessageId"}
        elif shape == "Java":
            expected = {name: value for name, value in requested.items() if name in body}
        first, *others = _messages(accepted.json()["data"])
        for message_id in (first, *others):
            answer = (await client.get(f"/api/messages/{message_id}")).json()["data"]
            assert answer.keys() >= COMMON_NAMES - _NOT_OF_A_MESSAGE
            assert {name: answer[name] for name in expected} == expected
            if shape != "Java" and message_id == first:
                content = decode_content(msgspec.json.encode(answer["content"]))
                assert content == _stored(draft.content, answer["createdAt"])


class TestOnMemory(ComesBack):
    @pytest.fixture
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with serving(dispatching=False, limits=Limits(max_days_ahead=FAR_AHEAD)) as rest:
            await _know(MemoryUnitOfWorkFactory(rest.in_memory_app.database, rest.in_memory_app.clock))
            yield rest.client


class TestOnSqlite(ComesBack):
    @pytest.fixture
    async def client(self, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
        path = tmp_path / "wework-message.db"
        store = await migrated_store(path)
        await _know(SqlUnitOfWorkFactory(store, store.dialect, SystemClock(), store.turn))
        await store.close()
        async with _accepting(tmp_path, {"DATASOURCE_URL": f"sqlite:///{path}"}) as client:
            yield client


class TestOnMariaDb(ComesBack):
    @pytest.fixture
    async def client(self, migrated: EmptyDatabase, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
        async with opened_store(migrated.target) as store:
            await _know(SqlUnitOfWorkFactory(store, store.dialect, SystemClock(), store.turn))
        async with _accepting(tmp_path, settings_of(migrated.target)) as client:
            yield client


async def _know(units: UnitOfWorkFactory) -> None:
    async with units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(KNOWN_GUID, GUXING)])
        await unit.commit()


class _Unheard(NullObserver):
    def intake(self, result: str, reason: str | None) -> None: ...


@asynccontextmanager
async def _accepting(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a whole process that accepts and sends nothing."""
    nowhere = {"APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "http://127.0.0.1:9"}
    loaded = load({**nowhere, **environ}, config_dir=folder)
    process_metrics = ProcessMetrics(lambda numbers: None, QueueMetrics(), lambda op, result, seconds: None)
    async with running(loaded, _Unheard(), process_metrics, role=Role.ACCEPTING) as process:
        app = create_app(process.application, Config(version="0", limits=Limits(max_days_ahead=FAR_AHEAD)))
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # httpx knows no scope types
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client
