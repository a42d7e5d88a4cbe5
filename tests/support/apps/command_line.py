"""The command line with scripted answers of the service, and a `serve` that only counts its calls."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from click.testing import CliRunner, Result
from tests.support.builders.api_keys import unguessable
from tests.support.builders.messages import NOW

from wework_message.adapters.memory.api_keys import MemoryApiKeyReader
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.access.keys import KeyRegistry
from wework_message.application.access.tenants import TenantRegistry
from wework_message.application.maintenance.recover import Recover, Recovered
from wework_message.application.maintenance.verify_statuses import Verified, VerifyStatuses
from wework_message.application.queries.diagnosis import Diagnosis
from wework_message.bootstrap.command_trail import in_the_trail
from wework_message.demo.command import demo
from wework_message.entrypoints.cli.client_options import ClientServices
from wework_message.entrypoints.cli.commands.simulate import SimulatorServices
from wework_message.entrypoints.cli.main import build_cli
from wework_message.entrypoints.cli.services import (
    Access,
    CheckedSecrets,
    CreatedTopics,
    Provider,
    RotatedSecrets,
    Services,
    SettingsSource,
    Startup,
)
from wework_message.simulator import SimulatorOptions


@dataclass
class FakeSecrets:
    """What ``secrets`` does, without a database."""

    checked: CheckedSecrets = field(default_factory=lambda: CheckedSecrets({}, (), None))
    rotated: RotatedSecrets = field(default_factory=lambda: RotatedSecrets(0, "", ()))
    encrypted: list[tuple[str, str]] = field(default_factory=list)

    def encrypt(self, setting: str, clear: str) -> str:
        self.encrypted.append((setting, clear))
        return "ENC(AAAA)"

    def check(self) -> CheckedSecrets:
        return self.checked

    def rotate(self) -> RotatedSecrets:
        return self.rotated


@dataclass
class FakeService:
    """The answers that the commands get, and a record of what they did."""

    answers: list[httpx.Response | Exception] = field(default_factory=list)
    service: Callable[[httpx.Request], httpx.Response] | None = None
    """Answers instead of them."""
    requests: list[httpx.Request] = field(default_factory=list)
    sources: list[SettingsSource] = field(default_factory=list)
    simulated: list[tuple[SimulatorOptions, str, int]] = field(default_factory=list)
    served: int = 0
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    provider_url: str | None = None
    serve: Callable[[], int] = lambda: 0
    migrated_from: str = "EMPTY"
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis(()))
    deadlines: list[float] = field(default_factory=list)
    recovered: Recovered = field(default_factory=lambda: Recovered({}, {}))
    recoveries: list[Recover] = field(default_factory=list)
    verified: Verified = field(default_factory=Verified)
    verifications: list[VerifyStatuses] = field(default_factory=list)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    """Of commands about keys and tenants."""
    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    drawn: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, *args: str, stdin: bytes | None = None) -> Result:
        cli = build_cli(
            lambda: Services(self._startup),
            demo,
            client_services=lambda: ClientServices(httpx.MockTransport(self._answer)),
            simulator_services=lambda: SimulatorServices(self._simulate),
        )
        return CliRunner(env={"COLUMNS": "100"}).invoke(cli, args, input=stdin)

    def sent(self, number: int = 0) -> Any:
        return json.loads(self.requests[number].content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.service is not None:
            return self.service(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _startup(self, source: SettingsSource) -> Startup:
        self.sources.append(source)
        return Startup(
            profile="",
            files=(),
            url="http://127.0.0.1:8082/message",
            docs_url="http://127.0.0.1:8082/message/swagger-ui.html",
            workers=1,
            parts={"database": "SQLite /var/x.db"},
            providers=(Provider("GUANGZHOU_GUXING", "广州孤星", self.provider_url),),
            warnings=self.warnings,
            problems=self.problems,
            text="server.port  8082  default",
            document={"settings": {"server": {"port": 8082}}},
            serve=self._serve,
            migrate=lambda: self.migrated_from,
            create_topics=lambda: CreatedTopics((), ()),
            examine=self._examine,
            recover=self._recover,
            verify_statuses=self._verify,
            secrets=self.secrets,
            with_access=self._with_access,
        )

    def _examine(self, deadline_s: float) -> Diagnosis:
        self.deadlines.append(deadline_s)
        return self.diagnosis

    def _recover(self, command: Recover) -> Recovered:
        self.recoveries.append(command)
        return self.recovered

    def _verify(self, command: VerifyStatuses) -> Verified:
        self.verifications.append(command)
        return self.verified

    def _with_access(self, work: Callable[[Access], Awaitable[Any]]) -> Any:
        units, reader = MemoryUnitOfWorkFactory(self.database, self.clock), MemoryApiKeyReader(self.database)
        keys = KeyRegistry(units, reader, self.clock, lambda _: unguessable(next(self.drawn)))

        async def done() -> Any:
            return await work(
                Access(keys, TenantRegistry(units, reader, self.clock), self.clock.now, partial(in_the_trail, units))
            )

        return asyncio.run(done())

    def _serve(self) -> int:
        self.served += 1
        return self.serve()

    def _simulate(self, options: SimulatorOptions, host: str, port: int, ready: Callable[[str], None]) -> None:
        self.simulated.append((options, host, port))
        ready(f"http://{host}:{port}")


async def run_against(client: httpx.AsyncClient, *args: str, stdin: bytes | None = None) -> Result:
    """The command line, in a thread, with the answers of an application that runs in this event loop."""
    loop = asyncio.get_running_loop()

    def answer(request: httpx.Request) -> httpx.Response:
        exchange = client.request(
            request.method, request.url.raw_path.decode(), content=request.content, headers=request.headers
        )
        response = asyncio.run_coroutine_threadsafe(exchange, loop).result(timeout=30)
        return httpx.Response(response.status_code, content=response.content)

    app = FakeService(service=answer)
    return await asyncio.to_thread(app.run, *args, stdin=stdin)


def good(data: Any, status: int = 200, *, following: str | None = None) -> httpx.Response:
    headers = {} if following is None else {"x-next-cursor": following}
    envelope = {"code": 200, "message": "success", "success": True, "data": data}
    return httpx.Response(status, json=envelope, headers=headers)


def bad(status: int, error: str, **more: Any) -> httpx.Response:
    envelope: Mapping[str, Any] = {
        "code": status,
        "message": "no",
        "success": False,
        "error": error,
        "requestId": "r-1",
    }
    return httpx.Response(status, json={**envelope, **more})


def status_of(status: str = "DELIVERED", *, final: bool = True, **more: Any) -> dict[str, Any]:
    return {"messageId": "m-1", "status": status, "final": final, "success": True, "attempts": 1, **more}


def fleet_answer(account_id: str, **changes: Any) -> dict[str, Any]:
    """The API's answer about a registered account; bindings get what is not given."""
    account: dict[str, Any] = {
        "accountId": account_id, "name": "", "corpId": None, "vid": None, "enabled": True, "state": "ONLINE", "pools": [],
        "onUnknown": None, "budgets": [], "minIntervalMs": None, "quietHours": None, "bulkShare": None, "implicit": False,
        "version": 3, "createdAt": "2026-11-24T12:06:03.000Z", "updatedAt": "2026-11-24T12:06:03.000Z", "bindings": [],
    }  # fmt: skip
    account |= changes
    account["bindings"] = [
        {
            "bindingId": f"bind:{binding['providerCode']}:{binding['guid']}", "standby": "HOT", "priority": 1, "weight": 100,
            "deviceSlot": None, "enabled": True, "state": "ONLINE", "healthy": True, **binding,
        }
        for binding in account["bindings"]
    ]  # fmt: skip
    return account
