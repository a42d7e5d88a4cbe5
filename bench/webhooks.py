"""Deliveries per second of our webhooks against a Celery task that does the same with httpx: one endpoint, sixteen attempts at a time, one process each.

Events wait before the first attempt, and the receiver's own clock says when the first and the last came. Both read an event from their database, sign it, post it,
and record how it ended. Two further ways to run Celery are measured without a goal: as it comes, with a process for each core, and without any table.
"""

import contextlib
import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import peer_runs, processes, rounds, servers
from bench.processes import Watched
from bench.queries import MariaDbQueries, Queries
from tests.support.servers.mariadb import MariaDb
from tests.support.servers.redis import Redis

from wework_message.adapters.sql.mapping.webhook_rows import delivery_row
from wework_message.adapters.system import UuidGenerator, new_secret
from wework_message.application.webhooks.deliver import SLOTS
from wework_message.application.webhooks.record import body_of, delivery_of
from wework_message.domain.ids import DEFAULT_TENANT, WebhookId
from wework_message.domain.webhooks.event import Event, EventType

GOAL: Final = 3.0
"""Times the deliveries of `JUDGED`."""
JUDGED: Final = "celery"
OURS: Final = ("mariadb", "sqlite")
PEERS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "celery": ("deliver", ("--pool", "threads", "--concurrency", str(SLOTS))),
    "celery_processes": ("deliver", ("--pool", "prefork")),
    "celery_without_table": ("pass_on", ("--pool", "threads", "--concurrency", str(SLOTS))),
}
"""Task and options of the worker; without a number prefork has a process for each core."""
EVENTS: Final = {"ours": 5_000, "peer": 1_500}
"""Of one round: rounds take about the same time."""
LIMIT_S: Final = 300
ALLOW_LOOPBACK: Final = {"APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8"}
_WAITING: Final = "SELECT EXISTS(SELECT 1 FROM wm_webhook_delivery WHERE state = 'WAITING')"
_WAITING_AT_PEER: Final = "SELECT EXISTS(SELECT 1 FROM deliveries WHERE state = 'WAITING')"
_DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Receiver:
    """One path of the receiver."""

    def __init__(self, origin: str, name: str) -> None:
        self.url = f"{origin}/{name}"
        self._origin, self._name = origin, name

    def signed_by(self, secret: str) -> None:
        """From now on."""
        self._ask("secret", secret.encode())

    def forget(self) -> None:
        """What came so far."""
        self._ask("forget")

    def seen(self) -> dict[str, int]:
        """What came since."""
        return self._ask("seen")

    def _ask(self, what: str, body: bytes = b"") -> dict[str, int]:
        request = urllib.request.Request(f"{self._origin}/-/{what}/{self._name}", body, method="POST")
        with _DIRECTLY.open(request, timeout=30) as answer:
            seen: dict[str, int] = json.load(answer)
        return seen


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Whoever delivers."""

    receiver: Receiver
    watched: Watched
    events: int
    put: Callable[[int], None]
    """Lets so many events be delivered."""
    settle: Callable[[], None]
    """Returns once all of them are recorded."""


def run(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians of each, and of the rounds' ratios."""
    peer_runs.install()
    with _deliverers() as (deliverers, database):
        samples = rounds.in_turns(
            deliverers,
            turns,
            lambda name: _round(deliverers[name], database),
            say,
            lambda sample: f"{sample['per_second']:.0f}/s, {sample['cpu_us']:.0f} us each",
        )
    return {
        "medians": rounds.medians_of(samples),
        "ratios": {f"{own} / {peer}": rounds.ratio(samples, "per_second", own, peer) for own in OURS for peer in PEERS},
        "rounds": samples,
        "goal": GOAL,
        "judged": [f"{own} / {JUDGED}" for own in OURS],
    }


def _round(deliverer: Deliverer, database: Watched) -> dict[str, float]:
    watched = {"cpu_us": deliverer.watched, "mariadb_us": database}
    deliverer.receiver.forget()
    before = {name: of.cpu_s() for name, of in watched.items()}
    deliverer.put(deliverer.events)
    until = time.monotonic() + LIMIT_S
    while (seen := deliverer.receiver.seen())["events"] < deliverer.events and time.monotonic() < until:
        time.sleep(processes.POLL_S)
    deliverer.settle()
    cpu = {name: (of.cpu_s() - before[name]) / deliverer.events * 1e6 for name, of in watched.items()}
    if (seen["requests"], seen["events"], seen["unverified"]) != (deliverer.events, deliverer.events, 0):
        raise RuntimeError(f"{deliverer.events} events should have come once and signed, but there is {seen}")
    per_second = (deliverer.events - 1) / (seen["last_ns"] - seen["first_ns"]) * 1e9
    return {"per_second": per_second, **cpu, "rss_mb": deliverer.watched.rss_kb() / 1024}


@contextlib.contextmanager
def _deliverers() -> Iterator[tuple[dict[str, Deliverer], Watched]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        mariadb = stack.enter_context(servers.running(MariaDb, folder))
        redis = stack.enter_context(servers.running(Redis, folder))
        origin = stack.enter_context(processes.receiver())
        deliverers: dict[str, Deliverer] = {}
        for name in OURS:
            queries = MariaDbQueries(mariadb.create_database()) if name == "mariadb" else None
            own = ours(folder / f"ours-{name}", Receiver(origin, name), queries)
            deliverers[name] = stack.enter_context(own)
        for number, name in enumerate(PEERS):
            redis_url = f"{redis.url.rpartition('/')[0]}/{number}"
            peer_queries = MariaDbQueries(mariadb.create_database())
            stack.callback(peer_queries.close)
            deliverers[name] = stack.enter_context(_peer(folder, Receiver(origin, name), name, peer_queries, redis_url))
        yield deliverers, servers.watched(mariadb)


@contextlib.contextmanager
def ours(folder: Path, receiver: Receiver, queries: Queries | None) -> Iterator[Deliverer]:
    """One process of `serve` with one endpoint, as it comes."""
    # Nothing is sent: no provider answers there.
    nowhere = f"http://127.0.0.1:{processes.free_port()}"
    with processes.service(folder, nowhere, queries=queries, settings=ALLOW_LOOPBACK) as running:
        created = processes.post(f"{running.url}/api/webhooks", {"url": receiver.url})["data"]
        receiver.signed_by(created["secret"])

        def put(count: int) -> None:
            running.queries.insert("wm_webhook_delivery", _rows(WebhookId(created["webhookId"]), count))

        yield Deliverer(receiver, running, EVENTS["ours"], put, lambda: processes.until_none(running.queries, _WAITING))


@contextlib.contextmanager
def _peer(folder: Path, receiver: Receiver, name: str, queries: MariaDbQueries, redis_url: str) -> Iterator[Deliverer]:
    """A worker of Celery; nothing is logged."""
    task, options = PEERS[name]
    secret = new_secret().reveal()
    receiver.signed_by(secret)
    environment = processes.own_environment() | {
        "DATABASE": queries.url.removeprefix("mysql://"), "REDIS_URL": redis_url, "PYTHONPATH": str(peer_runs.ROOT),
        "WEBHOOK_URL": receiver.url, "WEBHOOK_SECRET": secret,
    }  # fmt: skip
    python = [str(peer_runs.VENV / "bin" / "python"), "-m"]
    worker = [*python, "celery", "--app", "bench.peers.webhook_worker", "worker", "--loglevel", "ERROR", *options]
    body = body_of(_event(0))

    def put(count: int) -> None:
        command = [*python, "bench.peers.webhook_events", task, str(count), body]
        subprocess.run(command, check=True, cwd=folder, env=environment)

    def settle() -> None:
        if task == "deliver":
            processes.until_none(queries, _WAITING_AT_PEER)

    with processes.started(worker, environment, folder / f"{name}.stderr") as process:
        yield Deliverer(receiver, Watched("", process.pid), EVENTS["peer"], put, settle)


def _rows(webhook_id: WebhookId, count: int) -> list[dict[str, Any]]:
    """As the service records them: each of a message of its own."""
    ids, now = UuidGenerator(), time.time_ns() // 1_000_000
    rows: list[dict[str, Any]] = []
    for number in range(count):
        event = _event(number)
        rows.append(delivery_row(delivery_of(event, ids.event_id(), webhook_id, body_of(event), now=now)))
    return rows


def _event(number: int) -> Event:
    message_id = UuidGenerator().message_id()
    data = {
        "messageId": message_id, "clientMessageId": f"order-{number}", "campaignId": None, "batchId": None, "status": "DELIVERED",
        "state": "delivered", "final": True, "sequence": 4, "reason": None, "errorCode": 0, "providerCode": "GUANGZHOU_GUXING",
        "guid": f"guid-{number % 50}", "conversationId": f"S:788130{number:010d}", "extra": None,
    }  # fmt: skip
    return Event(EventType.MESSAGE_STATUS, DEFAULT_TENANT, time.time_ns() // 1_000_000, data, message_id, 4)
