"""Two tenants of one service on SQLite, and the REST API that both use. Everything of the first has a mark in it."""

import dataclasses
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import event
from tests.contracts.dead_letters_contract import a_letter
from tests.contracts.replays_contract import a_refused_message
from tests.support.apps.credentials import KnownCredentials, a_caller, bearer
from tests.support.apps.rest import Served, free_server
from tests.support.apps.sql_process import SqlProcess, running
from tests.support.builders.messages import NOW, PROVIDER, a_due_message, an_outcome, begin_call, settle
from tests.support.sqlite import migrated_store

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.access.scopes import ALL_SCOPES
from wework_message.domain.account import binding_id_of
from wework_message.domain.ids import AccountId, Guid, TenantId
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.repositories import InboxState

MARK: Final = "wwqzx"
"""In every name of the first tenant that it chose itself."""
GUID: Final = f"{MARK}-guid"
ACCOUNT: Final = f"{MARK}-account"
PERSON: Final = "S:7881399999911111"
CAMPAIGN: Final = f"{MARK}-campaign"
KEY: Final = f"{MARK}-key"
PNG: Final = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489") + b"not decoded here"
POOL: Final = f"{MARK}-pool"

CREDENTIALS: Final = KnownCredentials(
    {
        "first": a_caller(*ALL_SCOPES, tenant="first"),
        "second": a_caller(*ALL_SCOPES, tenant="second"),
        "operator": a_caller(*ALL_SCOPES),
    },
    {},
)


@dataclass(slots=True)
class Log:
    """The statements that the adapters execute."""

    statements: list[str] = field(default_factory=list)

    def note(self, *arguments: Any) -> None:
        self.statements.append(arguments[2])


@dataclass(slots=True)
class TwoTenants:
    """The clients of both, what the first one has, and the log of the database."""

    client: httpx.AsyncClient
    process: SqlProcess
    log: Log
    ids: dict[str, str] = field(default_factory=dict)
    """What the first one has, by the names of the parameters of paths."""

    async def ask(self, who: str, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.client.request(method, path, json=body, headers=bearer(who), **options)

    async def data(self, who: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = await self.ask(who, method, path, body, **options)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]

    async def rows(self) -> dict[str, list[Any]]:
        """Everything that is stored."""
        return await self.process.store.read(_everything)

    @property
    def marks(self) -> Iterator[str]:
        """Texts that nobody but the first one may see."""
        yield from (MARK, PERSON)
        yield from (
            text for name, text in self.ids.items() if name not in {"dead_letter_id", "callback_id", "tenant_id"}
        )


def _everything(connection: Any) -> dict[str, list[Any]]:
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    tables = {name: f'SELECT * FROM "{name}"' for name in names}  # noqa: S608 -- our own
    return {name: sorted(map(repr, connection.exec_driver_sql(sql))) for name, sql in tables.items()}


@asynccontextmanager
async def two_tenants(folder: Path) -> AsyncIterator[TwoTenants]:
    """Nothing is dispatched."""
    store = await migrated_store(folder / "tenants.db")
    log = Log()
    for engine in (store._engine, store._reading):
        event.listen(engine, "before_cursor_execute", log.note)
    clock = SettableClock(NOW)
    gateways: dict[Any, MemoryGateway] = {PROVIDER: MemoryInstanceGateway(clock)}
    process = SqlProcess("one", store, clock, gateways)
    try:
        async with (
            running(process),
            free_server(credentials=CREDENTIALS).serving(Served(process.application, clock.now, [])) as app,
        ):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type] # httpx knows no scope types
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                both = TwoTenants(client, process, log)
                await _fill(both)
                yield both
    finally:
        await store.close()


async def _fill(both: TwoTenants) -> None:
    """What the first one has of each kind; the second one has an account, a message, a webhook and a file."""
    for who in ("first", "second"):
        await both.data("operator", "POST", "/api/tenants", {"tenantId": who, "name": who})
    for who, account, guid in (("first", ACCOUNT, GUID), ("second", "shop", "shop-guid")):
        bindings = [{"providerCode": PROVIDER, "guid": guid}]
        body = {"accountId": account, "bindings": bindings, "pools": [POOL if who == "first" else "shop-pool"]}
        await both.data(who, "POST", "/api/accounts", body)
    send = {"messageType": "TEXT", "content": f"{MARK} words", "conversationId": PERSON}
    first = send | {"guid": GUID, "campaignId": CAMPAIGN, "clientMessageId": KEY}
    sent = await both.data("first", "POST", "/api/messages/send/async", first)
    second = send | {"guid": "shop-guid", "content": "hello", "conversationId": "S:7"}
    await both.data("second", "POST", "/api/messages/send/async", second)
    items = [send | {"guid": GUID, "conversationId": "S:78813999999222"}] * 2
    batch = await both.data("first", "POST", "/api/messages/send/batch", {"messages": items})
    webhook = await both.data("first", "POST", "/api/webhooks", {"url": f"https://{MARK}.example.com/"})
    await both.data("second", "POST", "/api/webhooks", {"url": "https://shop.example.com/"})
    tested = await both.data("first", "POST", f"/api/webhooks/{webhook['webhookId']}/test")
    token = await both.data("first", "POST", "/api/callbacks/tokens", {"providerCode": PROVIDER, "guid": GUID})
    key = await both.data("first", "POST", "/api/keys", {"name": MARK, "scopes": ["messages:read"]})
    await both.data("first", "POST", "/api/control/pause", {"scope": "ACCOUNT", "id": ACCOUNT, "reason": MARK})
    media = await both.data("first", "POST", "/api/media", files={"file": (f"{MARK}.png", PNG)})
    await both.data("second", "POST", "/api/media", files={"file": ("shop.png", PNG)})
    erasure = await both.data("first", "POST", "/api/erasures", {"conversationId": "S:78813999999333"})
    await _store(both)
    replay = await both.data(
        "first", "POST", "/api/dead-letters/replay", {"cause": "REFUSED_PERMANENT", "ratePerSecond": 1}
    )
    callbacks = await both.data("first", "GET", f"/api/callbacks/{GUID}/recent")
    letters = (await both.data("first", "GET", "/api/dead-letters/intake"))["items"]
    both.ids |= {
        "message_id": sent["messageId"], "batch_id": batch["batchId"], "webhook_id": webhook["webhookId"],
        "event_id": tested["eventId"], "token_id": token["tokenId"], "media_id": media["mediaId"],
        "erasure_id": erasure["erasureId"], "replay_id": replay["replayId"], "account_id": ACCOUNT,
        "binding_id": binding_id_of(Guid(GUID), PROVIDER), "guid": GUID, "callback_id": callbacks[0]["callbackId"],
        "dead_letter_id": letters[0]["deadLetterId"], "key_id": key["keyId"], "tenant_id": "first",
    }  # fmt: skip


async def _store(both: TwoTenants) -> None:
    """What comes of providers and queues."""
    clock, new_id = both.process.clock, both.process.application.start_replay.ids.message_id
    failed = a_refused_message(
        id=new_id(),
        tenant_id=TenantId("first"),
        account_id=AccountId(ACCOUNT),
        guid=Guid(GUID),
        accepted_at=clock.now(),
    )
    uncertain = a_due_message(
        id=new_id(),
        tenant_id=TenantId("first"),
        account_id=AccountId(ACCOUNT),
        guid=Guid(GUID),
        accepted_at=clock.now(),
    )
    begin_call(uncertain)
    settle(uncertain, an_outcome(OutcomeClass.UNCERTAIN))
    letter = dataclasses.replace(a_letter(f"{MARK}-place"), tenant_id=TenantId("first"), message_id=MARK, key=KEY)
    async with both.process.use_cases.units()() as unit:
        await unit.messages.add([failed, uncertain])
        await unit.dead_letters.keep([letter])
        for number, state in enumerate((InboxState.PARKED, InboxState.ORPHAN)):
            item = CallbackItem(Guid(GUID), 11010, f"{MARK}{number}", f'{{"{MARK}": {number}}}')
            await unit.inbox.store(PROVIDER, [item], clock.now(), states=[state])
        defective = CallbackItem(Guid(GUID), 11010, f"{MARK}9", f"{MARK} junk", defect="junk")
        await unit.inbox.store(PROVIDER, [defective], clock.now())
        await unit.commit()


def unnamed(answer: httpx.Response, *names: str) -> tuple[int, str]:
    """Status and body of an answer, without its time and its own id, and with the names that the request had as one word."""
    text = re.sub(r'"(timestamp|requestId|path|replayId)":\s*("[^"]*"|\d+)', "", answer.text)
    for name in names:
        text = text.replace(name, "NAME")
    return answer.status_code, text
