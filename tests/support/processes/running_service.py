"""A running service with clients of its API and of the simulator: the two sides of every end-to-end test."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from tests.support.polling import until
from tests.support.processes.programs import ServiceProcesses, service_processes

Json = dict[str, Any]

LONG_S: Final = 60.0
"""A limit that no passing test reaches."""

SENDS: Final = "/msg/send_"


class Api:
    """A client of the service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def post(self, route: str, body: Mapping[str, Any], **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/messages/{route}", json=body, headers=_named(headers))

    async def send(self, body: Mapping[str, Any], **headers: str) -> Json:
        """Send and wait; return `data`, whatever the outcome."""
        answer = await self.post("send", body, **headers)
        assert answer.status_code in {200, 202}, answer.text
        data: Json = answer.json()["data"]
        return data

    async def accept(self, body: Mapping[str, Any], **headers: str) -> str:
        """Send asynchronously; the id."""
        answer = await self.post("send/async", body, **headers)
        assert answer.status_code == 202, answer.text
        message_id: str = answer.json()["data"]["messageId"]
        return message_id

    async def status(self, message_id: str, wait_s: int = 0) -> Json:
        """The status object now or, with `wait_s`, after the next change or that time."""
        answer = await self.client.get(f"/api/messages/{message_id}/status", params={"wait": wait_s})
        data: Json = answer.json()["data"]
        return data

    async def message(self, message_id: str) -> Json:
        data: Json = (await self.client.get(f"/api/messages/{message_id}")).json()["data"]
        return data

    async def reaches(self, message_id: str, status: str, limit_s: float = LONG_S) -> Json:
        """The status object, once it has this status."""
        latest: Json = {}

        async def there() -> bool:
            latest.update(await self.status(message_id, wait_s=1 if latest else 0))
            return bool(latest["status"] == status)

        try:
            await until(there, limit_s)
        except TimeoutError:
            raise AssertionError(f"not {status} within {limit_s} s: {latest}") from None
        return latest

    async def rows(self, **filters: str) -> list[Json]:
        """All messages, or those that the filters keep, oldest first."""
        rows: list[Json] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await self.client.get(
                "/api/messages", params={"limit": 100} | filters | ({"cursor": cursor} if cursor else {})
            )
            assert page.status_code == 200, page.text
            rows += page.json()["data"]["items"]
            cursor = page.json()["data"]["nextCursor"]
        return rows[::-1]

    async def recall(self, guid: str, message_id: str) -> Json:
        answer = await self.client.delete(f"/api/messages/{guid}/messages/{message_id}")
        assert answer.status_code == 202, answer.text
        data: Json = answer.json()["data"]
        return data

    async def health(self) -> bool | None:
        answer = await self.client.get("/api/providers/health")
        healthy: bool | None = answer.json()["data"]["GUANGZHOU_GUXING"]
        return healthy


class Simulator:
    """The simulator's own controls and its ledger."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ledger(self) -> list[Json]:
        answer = await self._client.get("/_sim/ledger")
        assert answer.status_code == 200
        entries: list[Json] = answer.json()
        return entries

    async def calls(self, message_id: str) -> list[Json]:
        """The calls with the marker of this message, recalls included."""
        return [entry for entry in await self.ledger() if (entry["marker"] or "").startswith(f"{message_id}.")]

    async def state(self) -> Json:
        state: Json = (await self._client.get("/_sim/state")).json()
        return state

    async def fault(self, kind: str, **details: Any) -> None:
        await self._control("faults", {"kind": kind} | details)

    async def clear_faults(self) -> None:
        assert (await self._client.delete("/_sim/faults")).is_success

    async def hold_echoes(self) -> None:
        await self._control("echoes", {"hold": True})

    async def drop_echoes(self) -> None:
        """No callback about a send arrives any more."""
        await self._control("echoes", {"drop_rate": 1.0})

    async def release_echoes(self) -> None:
        """Deliver the echoes that wait, and hold no others."""
        await self._control("echoes", {"hold": False})
        await self._control("echoes/release", {})

    async def set_guid(self, guid: str, status: int) -> None:
        """0 stopped, 1 running, 2 online."""
        await self._control(f"guids/{guid}", {"status": status})

    async def add_guid(self, guid: str) -> None:
        await self._control("guids", {"guid": guid})

    async def scan(self, guid: str, account: str) -> None:
        """A person scans the login code of this instance, with this account."""
        await self._control(f"guids/{guid}", {"event": "login", "account": account})

    async def ask_for_code(self, guid: str, account: str, code: str) -> None:
        """A person scans the login code of this instance, and is shown this code to pass on."""
        await self._control(f"guids/{guid}", {"event": "code_asked", "account": account, "code": code})

    async def _control(self, path: str, body: Json) -> None:
        answer = await self._client.post(f"/_sim/{path}", json=body)
        assert answer.is_success, answer.text


class RunningService:
    """The programs of a test, with clients of the API and of the simulator."""

    def __init__(self, programs: ServiceProcesses, api: Api, simulator: Simulator) -> None:
        self.simulator_program = programs.simulator
        self.service = programs.service
        self.api = api
        self.simulator = simulator


@asynccontextmanager
async def client_of(url: str, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    known: Json = {"timeout": 40, "trust_env": False, "verify": False}
    async with httpx.AsyncClient(base_url=url, **known | options) as client:
        yield client


@asynccontextmanager
async def running_service(
    folder: Path, *options: str, provider_url: str | None = None, **settings: str
) -> AsyncIterator[RunningService]:
    """See `service_processes`."""
    with service_processes(folder, *options, provider_url=provider_url, **settings) as programs:
        async with client_of(programs.service.url) as client, client_of(programs.simulator.origin) as control:
            yield RunningService(programs, Api(client), Simulator(control))


def text(content: str = "测试消息", **changes: Any) -> Json:
    return {"guid": "g1", "conversationId": "S:12345", "messageType": "TEXT", "content": content} | changes


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
