"""Limits of requests, and what is refused while the process has too much to do (ADR 71)."""

import asyncio
import gc
import ipaddress
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec
import pytest
from tests.support.apps.credentials import a_caller, bearer
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest, empty_metrics, serving
from tests.support.polling import until

from wework_message.adapters.local.request_limiter import MemoryRequestLimiter
from wework_message.adapters.memory.system import SettableClock
from wework_message.application.errors import UnauthenticatedError
from wework_message.domain.access.log_ins import FailedLogIns
from wework_message.domain.access.principal import Principal
from wework_message.domain.access.rates import Limited, RequestRate
from wework_message.domain.access.scopes import ALL_SCOPES
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.domain.load.gate import LoadGate
from wework_message.domain.load.priorities import Priority
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.envelope import BEGAN
from wework_message.entrypoints.rest.load import request_limits
from wework_message.entrypoints.rest.load.in_flight import InFlight
from wework_message.entrypoints.rest.load.request_limits import PRIORITY, RequestLimits, RequestRates
from wework_message.entrypoints.rest.routes import served

WEBHOOK: Final = "/message/api/callbacks/webhook"
CALLBACK: Final = {"guid": "test-guid", "notify_type": 11001, "data": {}}
LIST: Final = "/api/messages"
CLOCK: Final = SettableClock()
UNLIMITED: Final = RequestRates()


@dataclass
class Looks:
    """Counts what a look at keys costs."""

    looks: int = 0
    known: dict[str, Principal] = field(
        default_factory=lambda: {
            "right": a_caller(*ALL_SCOPES, tenant=DEFAULT_TENANT), "other": a_caller(*ALL_SCOPES, tenant="another"),
        }
    )  # fmt: skip

    def lookup(self, text: str) -> Principal | None:
        return self.known.get(text)

    async def principal_of(self, text: str) -> Principal:
        self.looks += 1
        raise UnauthenticatedError

    def __hash__(self) -> int:
        return id(self)


@dataclass
class Limiting:
    """What the limits of a test refused."""

    gate: LoadGate = field(default_factory=lambda: LoadGate(100, 0.0))
    refused: Counter[Priority | Limited] = field(default_factory=Counter)

    def limits(self, rates: RequestRates = UNLIMITED, **more: Any) -> RequestLimits:
        def count(reason: Priority | Limited) -> None:
            self.refused[reason] += 1

        return RequestLimits(MemoryRequestLimiter(CLOCK), rates, gate=self.gate, refused=count, **more)

    def fill(self, kind: Priority, tenant_id: TenantId = DEFAULT_TENANT) -> None:
        """As if so many of this kind were in flight that no further one is taken in."""
        while self.gate.admits(kind, tenant_id):
            self.gate.begin(kind, tenant_id)


@pytest.fixture
def limiting() -> Limiting:
    return Limiting()


@asynccontextmanager
async def limited(limits: RequestLimits, credentials: Looks | None = None) -> AsyncIterator[Rest]:
    async with serving(request_limits=limits, credentials=credentials, metrics=empty_metrics) as rest:
        yield rest


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No refusal waits; how long each would have waited, s."""
    waits: list[float] = []

    async def pass_by(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(request_limits, "pause", pass_by)
    return waits


def refused_with(answer: httpx.Response, status: int, error: str) -> int:
    """Its `Retry-After`."""
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    return int(answer.headers["retry-after"])


async def test_a_key_has_its_burst_and_retry_after_is_true(limiting: Limiting) -> None:
    async with limited(limiting.limits(RequestRates(key=RequestRate(0.5, 3))), Looks()) as rest:
        for _ in range(3):
            assert (await rest.post(ASYNC, TEXT, headers=bearer("right"))).status_code == 202
        refusal = await rest.post(ASYNC, TEXT, headers=bearer("right"))
        assert refused_with(refusal, 429, "RATE_LIMITED") == 2
        assert (await rest.get(LIST, headers=bearer("right"))).status_code == 429
        assert (await rest.get(LIST, headers=bearer("other"))).status_code == 200, "others are not concerned"
        assert (await rest.get("/api/health")).status_code == 200
        CLOCK.advance(2_000)
        assert (await rest.post(ASYNC, TEXT, headers=bearer("right"))).status_code == 202
        assert limiting.refused == {Limited.KEY: 2}
        assert (await rest.get(LIST, headers=bearer("other"))).json()["data"]["items"] == []


async def test_rates_that_change_count_at_once(limiting: Limiting) -> None:
    limits = limiting.limits(RequestRates())
    async with limited(limits, Looks()) as rest:
        for _ in range(3):
            assert (await rest.get(LIST, headers=bearer("right"))).status_code == 200
        limits.take_rates(RequestRates(key=RequestRate(0.5, 1)))
        assert (await rest.get(LIST, headers=bearer("right"))).status_code == 200
        assert (await rest.get(LIST, headers=bearer("right"))).status_code == 429
        limits.take_rates(RequestRates())
        assert (await rest.get(LIST, headers=bearer("right"))).status_code == 200


async def test_an_item_of_a_batch_counts_as_a_request(limiting: Limiting) -> None:
    body = {"messages": [TEXT] * 7}
    async with limited(limiting.limits(RequestRates(tenant=RequestRate(1, 5))), Looks()) as rest:
        assert (await rest.post(BATCH, body, headers=bearer("right"))).json()["data"]["accepted"] == 7
        assert refused_with(await rest.get(LIST, headers=bearer("right")), 429, "RATE_LIMITED") == 3
        CLOCK.advance(3_000)
        assert (await rest.get(LIST, headers=bearer("right"))).status_code == 200
        assert limiting.refused == {Limited.TENANT: 1}


async def test_callbacks_and_probes_have_no_rate(limiting: Limiting) -> None:
    async with limited(limiting.limits(RequestRates(RequestRate(0.1, 1), RequestRate(0.1, 1))), Looks()) as rest:
        for _ in range(3):
            assert (await rest.post(WEBHOOK, CALLBACK)).status_code == 200
            assert (await rest.get("/actuator/health/liveness")).status_code == 200


async def test_without_keys_nobody_has_a_rate(limiting: Limiting) -> None:
    async with limited(limiting.limits(RequestRates(RequestRate(0.1, 1), RequestRate(0.1, 1)))) as rest:
        for _ in range(3):
            assert (await rest.post(BATCH, {"messages": [TEXT] * 2})).status_code == 202


async def test_a_flood_of_wrong_keys_from_one_address_costs_no_more_looks_and_concerns_nobody_else(
    limiting: Limiting, unhurried: list[float]
) -> None:
    looks, log_ins = Looks(), FailedLogIns(RequestRate(0.01, 5))
    proxies = (ipaddress.ip_network("127.0.0.1"),)
    async with limited(limiting.limits(log_ins=log_ins, proxies=proxies), looks) as rest:

        async def get(key: str, address: str) -> httpx.Response:
            return await rest.get(LIST, headers=bearer(key) | {"X-Forwarded-For": address})

        answers = [(await get(f"wrong-{number}", "192.0.2.1")).status_code for number in range(300)]
        assert answers == [401] * 5 + [429] * 295
        assert looks.looks == 5, "the others cost no look at anything but a table in memory"
        assert refused_with(await get("wrong", "192.0.2.1"), 429, "RATE_LIMITED") > 1
        assert (await get("right", "192.0.2.1")).status_code == 200, "who has a key is not locked out by a neighbour"
        assert (await get("right", "192.0.2.2")).status_code == 200
        assert (await get("wrong", "192.0.2.2")).status_code == 401
        assert limiting.refused == {Limited.ADDRESS: 296}
        assert max(unhurried) <= 1.05, "a refusal waits, so that a flood takes little of the processor"


async def test_long_headers_of_strangers_are_not_kept(limiting: Limiting) -> None:
    log_ins = FailedLogIns(RequestRate(1, 100))
    limits = limiting.limits(log_ins=log_ins, proxies=(ipaddress.ip_network("127.0.0.1"),))
    async with limited(limits, Looks()) as rest:
        for number in range(20):
            chain = f"{'x' * 8_000}, 10.0.0.{number}, 192.0.2.1"
            refused = await rest.get(LIST, headers=bearer("wrong") | {"X-Forwarded-For": chain})
            assert refused.status_code == 401
        assert len(log_ins) == 1
        assert limits._origin_of.cache_info().currsize == 0
        await rest.get(LIST, headers=bearer("wrong") | {"X-Forwarded-For": "192.0.2.1"})
        assert (len(log_ins), limits._origin_of.cache_info().currsize) == (1, 1)


async def test_batches_are_refused_first_then_sends_then_reads_and_callbacks_and_probes_never(
    limiting: Limiting,
) -> None:
    requests: dict[Priority, Callable[[Rest], Any]] = {
        Priority.BATCH: lambda rest: rest.post(BATCH, {"messages": [TEXT]}),
        Priority.SEND: lambda rest: rest.post(ASYNC, TEXT),
        Priority.READ: lambda rest: rest.get(LIST),
    }
    async with limited(limiting.limits()) as rest:
        for number, kind in enumerate(requests, 1):
            limiting.fill(kind)
            for place, (other, request) in enumerate(requests.items()):
                answer = await request(rest)
                if place < number:
                    assert refused_with(answer, 503, "OVERLOADED") == 1, other
                else:
                    assert answer.status_code < 300, other
            assert (await rest.post(WEBHOOK, CALLBACK)).status_code == 200
            for probe in ("/api/health", "/actuator/health/readiness", "/actuator/prometheus", "/api/providers"):
                assert (await rest.get(probe)).status_code == 200
        assert (await rest.post(SEND, TEXT)).status_code == 503
        assert limiting.refused == {Priority.BATCH: 3, Priority.SEND: 3, Priority.READ: 1}
        assert rest.exchanges[-1].status == 503


async def test_what_was_refused_is_taken_once_there_is_room(limiting: Limiting) -> None:
    async with limited(limiting.limits()) as rest:
        limiting.fill(Priority.SEND)
        assert (await rest.post(ASYNC, TEXT)).status_code == 503
        limiting.gate.suspend(Priority.SEND, DEFAULT_TENANT)
        assert (await rest.post(ASYNC, TEXT)).status_code == 202
        assert (await rest.post(ASYNC, TEXT)).status_code == 202


async def test_a_tenant_has_its_share_whatever_another_one_does(limiting: Limiting) -> None:
    async with limited(limiting.limits(), Looks()) as rest:
        limiting.fill(Priority.SEND, DEFAULT_TENANT)
        assert (await rest.post(ASYNC, TEXT, headers=bearer("right"))).status_code == 503
        assert (await rest.get(f"{LIST}/none", headers=bearer("other"))).status_code == 404
        assert (await rest.post(BATCH, {"messages": [TEXT]}, headers=bearer("other"))).status_code != 503


async def test_every_request_leaves_however_it_ends(limiting: Limiting) -> None:
    async with limited(limiting.limits()) as rest:
        for body in (TEXT, {}, None):
            await rest.post(ASYNC, body)
            await rest.post(BATCH, {"messages": [body]})
            await rest.post(WEBHOOK, body)
        await rest.client.post(ASYNC, content=b"x" * 9_999_999, headers={"content-type": "application/json"})
        await rest.get(f"{LIST}/none/status?wait=1")
        await rest.get(f"{LIST}?limit=none")
        assert (await rest.post(SEND, TEXT)).status_code == 200
        assert limiting.gate.in_flight == 0
        limiting.fill(Priority.CALLBACK)
        assert (await rest.post(WEBHOOK, CALLBACK)).status_code == 503
        assert limiting.gate.in_flight == 0


class Exchange:
    """As a server has it: it knows the scope whose state knows what reads from it."""

    def __init__(self, path: str) -> None:
        self.statuses: list[int] = []
        self.scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(),
            "query_string": b"", "root_path": "", "scheme": "http", "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip

    async def receive(self) -> Any:
        return {"type": "http.request", "body": b""}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


async def test_a_request_is_gone_with_its_answer_without_the_garbage_collector(limiting: Limiting) -> None:
    def kept() -> int:
        return sum(isinstance(known, InFlight) for known in gc.get_objects())

    async with limited(limiting.limits()) as rest:
        app: Any = rest.client._transport.app  # type: ignore[attr-defined]  # of an ASGITransport
        gc.collect()
        before = kept()
        gc.disable()
        try:
            exchange: Exchange | None = Exchange(f"/message{LIST}")
            assert exchange is not None
            await app(exchange.scope, exchange.receive, exchange.send)
            assert exchange.statuses == [200]
            exchange = None
            assert kept() == before
        finally:
            gc.enable()


async def test_a_request_that_waits_for_an_outcome_is_not_in_flight(limiting: Limiting) -> None:
    async with serving(request_limits=limiting.limits(), dispatching=False) as rest:
        message_id = await rest.accept()
        waiting, feed = rest.in_memory_app.waiting, rest.in_memory_app.use_cases.feed()
        status = asyncio.create_task(rest.get(f"{LIST}/{message_id}/status?wait=30"))
        sent = asyncio.create_task(rest.post(SEND, TEXT | {"conversationId": "S:9"}))

        async def both_wait() -> bool:
            return waiting._waiting == 2

        await until(both_wait)
        assert limiting.gate.in_flight == 0
        feed.close()
        assert (await status).status_code == 200
        assert (await sent).status_code == 202
        assert limiting.gate.in_flight == 0


def test_in_open_mode_without_shedding_no_request_passes_a_limit() -> None:
    unlimited = RequestLimits(MemoryRequestLimiter(CLOCK), RequestRates(RequestRate(1, 1)))
    assert unlimited.watch() is None
    assert unlimited.admission(open_mode=True) is None
    assert unlimited.admission(open_mode=False) is not None
    shedding = RequestLimits(MemoryRequestLimiter(CLOCK), gate=LoadGate(100, 0.0))
    assert shedding.watch() is not None
    assert shedding.admission(open_mode=True) is not None


async def test_a_request_without_shedding_is_admitted_whatever_is_in_flight() -> None:
    async with limited(RequestLimits(MemoryRequestLimiter(CLOCK))) as rest:
        assert (await rest.post(ASYNC, TEXT)).status_code == 202
        assert (await rest.post(BATCH, {"messages": [TEXT | {"conversationId": "S:2"}]})).status_code == 202


def a_request(receive: Callable[[], Any]) -> tuple[LoadGate, InFlight]:
    gate = LoadGate(100, 0.0)
    return gate, InFlight(receive)


async def test_a_request_leaves_where_its_client_is_gone_or_it_is_cancelled_while_its_body_comes() -> None:
    started, never = asyncio.Event(), asyncio.Event()

    async def waits() -> Any:
        started.set()
        await never.wait()

    gate, in_flight = a_request(waits)
    assert in_flight.enter(gate, Priority.SEND, DEFAULT_TENANT)
    reading = asyncio.create_task(in_flight())
    await started.wait()
    assert gate.in_flight == 0, "a slow client is no work"
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert gate.in_flight == 1
    in_flight.leave()
    in_flight.leave()
    in_flight.suspend()
    assert gate.in_flight == 0

    async def gone() -> Any:
        raise ConnectionError

    gate, in_flight = a_request(gone)
    in_flight.enter(gate, Priority.READ, DEFAULT_TENANT)
    assert gate.in_flight == 1, "a read has no body to wait for"
    with pytest.raises(ConnectionError):
        await in_flight()
    in_flight.leave()
    assert gate.in_flight == 0


class TimedGate(LoadGate):
    """Keeps what it learns of the times of requests, ms."""

    times: list[float]

    def took(self, kind: Priority, ms: float, now: float) -> None:
        self.times.append(ms)
        super().took(kind, ms, now)


async def test_the_gate_learns_what_requests_wait_for_the_event_loop() -> None:
    """Else what waits in front of the handlers would be in nobody's time, and an overload would not be seen."""
    gate = TimedGate(100, 0.0)
    gate.times = []
    async with limited(RequestLimits(MemoryRequestLimiter(CLOCK), gate=gate)) as rest:
        parts = iter([msgspec.json.encode(TEXT)])

        async def receive() -> Any:
            return {"type": "http.request", "body": next(parts), "more_body": False}

        async def send(_: Any) -> None:
            return None

        for method, path in (("GET", "/message/api/messages"), ("POST", ASYNC)):
            scope = rest_scope(method, path)
            scope["headers"].append((b"content-type", b"application/json"))
            await rest.app(scope | {BEGAN: time.perf_counter() - 5}, receive, send)
    assert [5_000 <= ms < 60_000 for ms in gate.times] == [True, True]


async def test_an_answer_that_has_begun_is_no_work(limiting: Limiting) -> None:
    """A client may take as long for its answer as it likes; HEAD and a second request on the connection leave, too."""
    counted: list[int] = []
    async with limited(limiting.limits()) as rest:
        app = rest.app
        scope = rest_scope("HEAD", "/message/api/messages")

        async def send(message: Any) -> None:
            counted.append(limiting.gate.in_flight)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        await app(scope, receive, send)
        await app(rest_scope("GET", "/message/api/messages"), receive, send)
    assert counted
    assert set(counted) == {0}


def rest_scope(method: str, path: str) -> Any:
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
        "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 80), "root_path": "",
        "http_version": "1.1", "extensions": {},
    }  # fmt: skip


def test_every_route_that_all_messages_pass_has_a_priority_and_no_probe_has() -> None:
    priorities = {
        f"{next(iter(handler.http_methods))} {path}": handler.opt.get(PRIORITY)
        for handler in served(Config(version="0", metrics=empty_metrics))
        for path in handler.paths
        if "POST" in handler.http_methods
    }
    assert {path: kind for path, kind in priorities.items() if kind is not None} == {
        "POST /api/messages/send": Priority.SEND,
        "POST /api/messages/send/async": Priority.SEND,
        "POST /api/messages/send/batch": Priority.BATCH,
        "POST /api/callbacks/webhook": Priority.CALLBACK,
        "POST /api/callbacks/webhook/{provider_code:str}": Priority.CALLBACK,
    }
    reads = {
        path
        for handler in served(Config(version="0", metrics=empty_metrics))
        for path in handler.paths
        if handler.opt.get(PRIORITY) is Priority.READ
    }
    assert {"/api/messages", "/api/messages/{message_id:str}/status", "/api/accounts"} <= reads
    assert not any(path.startswith(("/actuator", "/api/health", "/v3", "/swagger", "/api/providers")) for path in reads)
