"""Kills of the service while webhooks are delivered: none may be lost, none told that did not happen, and each event has one id.

    python -m bench.webhook_kills [--kills 100] [--database sqlite|mariadb] [--seed 7]

Every life of the service takes some messages and is killed (`kill -9`) at a random moment while it calls the provider and delivers. At the end what the receiver
has written down before each answer is compared with the messages and the events of the database.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import processes, report, servers
from bench.failover import AT_REST
from bench.queries import MariaDbQueries, Queries, SqliteQueries
from bench.webhooks import ALLOW_LOOPBACK, Receiver
from tests.support.json_lines import json_lines
from tests.support.processes.programs import ServiceProgram, SimulatorProgram
from tests.support.processes.running_service import Json
from tests.support.servers.mariadb import MariaDb

KILLS: Final = 20
FULL_KILLS: Final = 100
SEED: Final = 7
MESSAGES: Final = 40
"""Of one life."""
SENDERS: Final = 8
ALIVE_S: Final = (0.05, 1.0)
"""How long after its first request a life ends; all messages of a life take about half a second."""
ANSWER_AFTER_MS: Final = 15
"""Of the receiver, so that a kill finds attempts open."""
QUIET_S: Final = 8
"""After so long without a change nothing changes any more by itself: the wait for echoes is over."""
LIMIT_S: Final = 600
PORT_SETTINGS: Final = {"APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000"}

_MESSAGES: Final = "SELECT id, status FROM wm_message"
_EVENTS: Final = "SELECT event_id, message_id, sequence, state, attempts FROM wm_webhook_delivery"
_PROGRESS: Final = "SELECT state, count(*), sum(attempts) FROM wm_webhook_delivery GROUP BY state ORDER BY state"


@dataclass(frozen=True, slots=True)
class Event:
    """What the database has of an event at the end."""

    event_id: str
    message_id: str
    sequence: int
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery, as the receiver wrote it down."""

    event_id: str
    verified: bool
    body: str

    @property
    def data(self) -> Json:
        """That of the event."""
        data: Json = json.loads(self.body)["data"]
        return data


def run(kills: int = KILLS, database: str = "sqlite", seed: int = SEED) -> dict[str, Any]:
    """What was accepted and told, and the judgement."""
    chances = random.Random(seed)
    accepted: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        queries = stack.enter_context(_database(folder, database))
        service = _service(stack, folder, queries)
        origin = stack.enter_context(processes.receiver(answer_after_ms=ANSWER_AFTER_MS, keep=folder / "told"))
        receiver = Receiver(origin, "kills")
        service.start()
        created = processes.post(f"{service.url}/api/webhooks", {"url": receiver.url})["data"]
        receiver.signed_by(created["secret"])
        open_attempts = 0
        for life in range(kills):
            if life:
                service.start()
            accepted += _life(service, life, chances.uniform(*ALIVE_S))
            open_attempts += sum(row[1] for row in queries.rows(_PROGRESS) if row[0] == "WAITING")
        service.start()
        _come_to_rest(queries)
        service.stop()
        messages = dict(queries.rows(_MESSAGES))
        events = [Event(*row) for row in queries.rows(_EVENTS)]
        told = [Told(line["id"], line["verified"], line["body"]) for line in json_lines(folder / "told")]
    judgement = judged(accepted, messages, events, told)
    return judgement | {"kills": kills, "database": database, "seed": seed, "waiting_at_kills": open_attempts}


def judged(
    accepted: Sequence[str], messages: dict[str, str], events: Sequence[Event], told: Sequence[Told]
) -> dict[str, Any]:
    """Events and messages of the database beside what the receiver was told, in its order; pure."""
    known = {event.event_id: event for event in events}
    bodies, names = defaultdict[str, set[str]](set), defaultdict[tuple[str, int], set[str]](set)
    last, ends = defaultdict[str, int](int), set[tuple[str, str]]()
    wrong: Counter[str] = Counter()
    for delivery in told:
        data = delivery.data
        message_id, sequence = data["messageId"], data["sequence"]
        if delivery.event_id not in bodies:  # repeats come in any order
            wrong["told before an earlier event of the message"] += sequence < last[message_id]
            last[message_id] = max(sequence, last[message_id])
        bodies[delivery.event_id].add(delivery.body)
        names[message_id, sequence].add(delivery.event_id)
        ends.add((message_id, data["status"]))
        wrong["deliveries without a valid signature"] += not delivery.verified
    wrong["events not told"] += len(known.keys() - bodies.keys())
    wrong["events not recorded as delivered"] += sum(event.state != "DELIVERED" for event in events)
    wrong["told, and not in the database"] += len(bodies.keys() - known.keys())
    wrong["events with more than one body"] += sum(len(texts) > 1 for texts in bodies.values())
    wrong["changes told under more than one id"] += sum(len(ids) > 1 for ids in names.values())
    wrong["accepted messages that are lost"] += len(set(accepted) - messages.keys())
    wrong["messages not at rest"] += sum(status not in AT_REST for status in messages.values())
    wrong["last statuses not told"] += len(set(messages.items()) - ends)
    lost = sum(wrong[what] for what in ("events not told", "accepted messages that are lost", "last statuses not told"))
    return {
        "messages": len(messages),
        "statuses": dict(Counter(messages.values())),
        "events": len(events),
        "deliveries": len(told),
        "repeats": len(told) - len(bodies),
        "lost": lost,
        "wrong": +wrong,
        "ok": bool(events) and not +wrong,
    }


@contextlib.contextmanager
def _database(folder: Path, name: str) -> Iterator[Queries]:
    with contextlib.ExitStack() as stack:
        queries: Queries
        if name == "mariadb":
            server = stack.enter_context(servers.running(MariaDb, folder))
            queries = MariaDbQueries(server.create_database())
        else:
            queries = SqliteQueries(folder / "service.db")
        stack.callback(queries.close)
        yield queries


def _service(stack: contextlib.ExitStack, folder: Path, queries: Queries) -> ServiceProgram:
    port = processes.free_port()
    simulator = SimulatorProgram(
        folder, f"http://127.0.0.1:{port}/message/api/callbacks/webhook", "--latency-ms", "20", "--no-fsync"
    )
    simulator.start()
    stack.callback(simulator.kill)
    settings = ALLOW_LOOPBACK | PORT_SETTINGS | {"DATASOURCE_URL": queries.url}
    service = ServiceProgram(folder, simulator.origin, port=port, **settings)
    stack.callback(service.kill)
    return service


def _life(service: ServiceProgram, life: int, alive_s: float) -> list[str]:
    """Send, and kill after so long; the ids that were answered."""
    with ThreadPoolExecutor(SENDERS) as pool:
        sent = [pool.submit(_send, service.url, life * MESSAGES + number) for number in range(MESSAGES)]
        time.sleep(alive_s)
        service.kill()
    return [message_id for future in sent if (message_id := _answer(future)) is not None]


def _send(url: str, number: int) -> str:
    """Each in a conversation of its own, so that none waits behind an uncertain one."""
    body = {
        "guid": f"guid-{number % 20}", "conversationId": f"S:7881304{number:09d}", "messageType": "TEXT", "content": f"message {number}",
    }  # fmt: skip
    message_id: str = processes.post(f"{url}/api/messages/send/async", body)["data"]["messageId"]
    return message_id


def _answer(future: "Future[str]") -> str | None:
    try:
        return future.result()
    except (OSError, ValueError, EOFError):  # the service died before its answer, or in the middle of it
        return None


def _come_to_rest(queries: Queries) -> None:
    """Return once everything is told, and nothing has changed for so long that only a person could change it."""
    before: object = None
    until = since = time.monotonic()
    until += LIMIT_S
    while time.monotonic() < until:
        progress, statuses = (
            queries.rows(_PROGRESS),
            dict(queries.rows("SELECT status, count(*) FROM wm_message GROUP BY status")),
        )
        if (progress, statuses) != before:
            before, since = (progress, statuses), time.monotonic()
        told = all(row[0] != "WAITING" for row in progress) and not statuses.keys() - set(AT_REST)
        if told and time.monotonic() - since > QUIET_S:
            return
        time.sleep(0.5)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhook_kills", description="Kills amid webhooks")
    parser.add_argument("--kills", type=int, default=FULL_KILLS)
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    results = {"webhook_kills": run(arguments.kills, arguments.database, arguments.seed)}
    return report.show(results)


if __name__ == "__main__":
    sys.exit(main())
