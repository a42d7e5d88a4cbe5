"""What a flood of callbacks costs sends: the p99 of accepting and of calling at a steady rate, with and without ten times as many callbacks.

The callbacks are of foreign messages, half of them of the account's own phone, half of customers; each is new. They come at a steady rate, too, whatever the answers.
A flood also takes cores for whoever makes it. So a third state makes the same flood at a bare handler: what ours costs more than that is the service's.
One service, all states in turn.
"""

import concurrent.futures
import contextlib
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import disturbance, processes, rounds, servers
from bench.processes import Service
from bench.queries import MariaDbQueries
from tests.support.servers.mariadb import MariaDb

STATES: Final = ("alone", "load", "flood")
COMPARED: Final = (("flood", "alone"), ("load", "alone"), ("flood", "load"))
"""Of which state the p99 is compared with that of which other one."""
JUDGED: Final = "flood / alone"
PER_SECOND: Final = 40
SECONDS: Final = 15
TIMES: Final = 10
"""Callbacks for each send."""
EARLIER_S: Final = 2
"""The flood begins earlier and ends later than the sends."""
LATER_S: Final = 4
GUIDS: Final = 20
OWN_USER_ID: Final = "1688850000000001"
"""The stub's."""
GOAL: Final = 1.5
DATABASES: Final = ("sqlite", "mariadb")

_CALLS: Final = """
SELECT a.ended_at - m.accepted_at FROM wm_message m JOIN wm_attempt a ON a.message_id = m.id
WHERE m.accepted_at >= %d AND a.number = 1 ORDER BY 1
"""
_UNSENT: Final = "SELECT EXISTS(SELECT 1 FROM wm_message WHERE status != 'SENT')"
_FOREIGN: Final = "SELECT count(*) FROM wm_callback"
_PENDING: Final = "SELECT EXISTS(SELECT 1 FROM wm_callback WHERE state = 'PENDING')"


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs through all rounds."""

    running: Service
    bare_url: str
    folder: Path

    def flood_url(self, state: str) -> str:
        return f"{self.running.url}/api/callbacks/webhook" if state == "flood" else self.bare_url


def run(turns: int, say: Callable[[str], None], database: str = DATABASES[0]) -> dict[str, Any]:
    """On one of `DATABASES`, by state the medians in ms, and the medians of the rounds' ratios of p99 by pair of states."""
    with _stage(database) as stage:
        samples = rounds.in_turns(STATES, turns, lambda state: _round(stage, state), say)
    ratios = {
        what: {f"{state} / {other}": rounds.ratio(samples, f"{what}_p99_ms", state, other) for state, other in COMPARED}
        for what in ("accept", "call")
    }
    return {
        "states": rounds.medians_of(samples),
        "ratios": ratios,
        "rounds": samples,
        "goal": GOAL,
        "judged": JUDGED,
        "database": database,
    }


def _round(stage: Stage, state: str) -> dict[str, float]:
    running, before = stage.running, stage.running.queries.rows(_FOREIGN)[0][0]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        flood = None if state == "alone" else pool.submit(_flood, stage, state)
        time.sleep(EARLIER_S)
        began = time.time_ns() // 1_000_000
        sent = processes.load(running.send_url, "send", count=PER_SECOND * SECONDS, per_second=PER_SECOND)
        if flood is not None and flood.done():
            raise RuntimeError("the flood had ended before the sends did")
        callbacks = 0 if flood is None else flood.result()
    processes.until_none(running.queries, _UNSENT)
    processes.until_none(running.queries, _PENDING)
    stored = running.queries.rows(_FOREIGN)[0][0] - before
    if stored != (callbacks if state == "flood" else 0):
        raise RuntimeError(f"{callbacks} callbacks were acknowledged, and {stored} stored")
    calls = [row[0] for row in running.queries.rows(_CALLS % began)]
    if len(calls) != sent["answers"]:
        raise RuntimeError(f"{sent['answers']} messages were accepted, but {len(calls)} were called")
    return {
        "accept_p50_ms": sent["p50_ms"],
        "accept_p99_ms": sent["p99_ms"],
        "call_p50_ms": calls[len(calls) // 2],
        "call_p99_ms": calls[len(calls) * 99 // 100],
    }


def _flood(stage: Stage, state: str) -> int:
    """How many callbacks were acknowledged; all must be."""
    per_second = PER_SECOND * TIMES
    count = per_second * (EARLIER_S + SECONDS + LATER_S)
    bodies = stage.folder / "callbacks"
    bodies.write_bytes(b"\n".join(_callbacks(count)))
    answers: int = processes.load(stage.flood_url(state), str(bodies), count=count, per_second=per_second)["answers"]
    return answers


def _callbacks(count: int) -> Iterator[bytes]:
    """Of messages that nobody has sent through the service."""
    first, now_s = uuid.uuid4().int % 10**12, int(time.time())
    for number in range(count):
        guid, conversation = f"guid-{number % GUIDS}", f"{7_881_309_000_000_000 + number}"
        call = {
            "account": OWN_USER_ID if number % 2 else conversation, "conversationId": f"S:{conversation}",
            "at": now_s * 1_000, "body": {"content": f"foreign message {first + number}"},
        }  # fmt: skip
        yield disturbance.callback(guid, disturbance.record_of(call, str(10**15 + first + number)))


@contextlib.contextmanager
def _stage(database: str) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        provider = stack.enter_context(processes.stub())
        bare = stack.enter_context(processes.bare())
        queries = None
        if database == "mariadb":
            queries = MariaDbQueries(stack.enter_context(servers.running(MariaDb, folder)).create_database())
        service = processes.service(folder / f"on {database}", provider, queries=queries)
        running = stack.enter_context(service)
        yield Stage(running, bare.url.replace("/send", "/callback"), folder)
