"""How long a quiet account's messages wait for their call, alone and beside an account that floods or hangs (ADR 31).

A flood also makes calls, which need the cores that the quiet messages need. So the same number of calls is made by a crowd of
accounts that send little each: what a flood costs more than the crowd is unfair, the rest is load. Each state has a service of
its own on SQLite, with the budgets of accounts as they come. The quiet messages come at a steady rate, whatever the answers;
their waits are read from the database.
"""

import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench import processes
from bench.processes import Service
from bench.queries import SqliteQueries

STATES: Final = ("alone", "crowd", "flood", "hanging")
COMPARED: Final = (("crowd", "alone"), ("flood", "alone"), ("flood", "crowd"), ("hanging", "alone"))
"""Of which state the p99 is compared with that of which other one."""
JUDGED: Final = (("flood", "alone"), ("hanging", "alone"))
LOUD: Final = "loud"
"""The account that floods or hangs."""
CROWD: Final = 100
"""Accounts that together send what the budget of the flood allows."""
FLOOD: Final = 20_000
HANGING: Final = 200
QUIET: Final = 20
"""Quiet accounts."""
PER_SECOND: Final = 60
SECONDS: Final = 10
GOAL: Final = 1.2
RATE_PER_MINUTE: Final = 1_000
DEFAULT_RATE: Final = {"APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": str(RATE_PER_MINUTE)}
LOUD_MESSAGES: Final = {
    "crowd": RATE_PER_MINUTE + RATE_PER_MINUTE * SECONDS // 60,
    "flood": FLOOD,
    "hanging": HANGING,
}

_WAITS: Final = """
SELECT a.started_at - m.accepted_at FROM wm_message m JOIN wm_attempt a ON a.message_id = m.id
WHERE m.guid LIKE 'quiet-%' AND a.number = 1 ORDER BY 1
"""


def run(rounds: int) -> dict[str, Any]:
    """By state the waits of the quiet messages in ms, and the ratios of their p99 by pair of states."""
    samples: dict[str, list[dict[str, float]]] = {state: [] for state in STATES}
    for turn in range(rounds):
        for state in STATES if turn % 2 == 0 else reversed(STATES):
            samples[state].append(_round(state))
    medians = {
        state: {name: statistics.median(sample[name] for sample in taken) for name in taken[0]}
        for state, taken in samples.items()
    }
    ratios = {pair: medians[pair[0]]["p99_ms"] / medians[pair[1]]["p99_ms"] for pair in COMPARED}
    return {
        "states": medians,
        "ratios": {f"{state} / {other}": ratio for (state, other), ratio in ratios.items()},
        "rounds": samples,
        "goal": GOAL,
        "judged": [f"{state} / {other}" for state, other in JUDGED],
        "ok": max(ratios[pair] for pair in JUDGED) <= GOAL,
    }


def _round(state: str) -> dict[str, float]:
    with _service(state) as (running, queries, bodies):
        if state != "alone":
            bodies.write_text("".join(_loudly(state)))
            processes.load(running.send_url, str(bodies))
        bodies.write_text("".join(_quietly()))
        sent = processes.load(running.send_url, str(bodies), count=PER_SECOND * SECONDS, per_second=PER_SECOND)[
            "answers"
        ]
        processes.until_none(queries, "SELECT count(*) FROM wm_message WHERE guid LIKE 'quiet-%' AND status != 'SENT'")
        waits = [row[0] for row in queries.rows(_WAITS)]
    if len(waits) != sent:
        raise RuntimeError(f"{sent} quiet messages were accepted, but {len(waits)} were sent")
    return {"p50_ms": waits[len(waits) // 2], "p99_ms": waits[len(waits) * 99 // 100], "max_ms": waits[-1]}


def _loudly(state: str) -> Iterator[str]:
    for number in range(LOUD_MESSAGES[state]):
        yield _body(f"crowd-{number % CROWD}" if state == "crowd" else LOUD, 1_000_000 + number)


@contextlib.contextmanager
def _service(state: str) -> Iterator[tuple[Service, SqliteQueries, Path]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))) / state
        provider = stack.enter_context(processes.stub(hanging=LOUD if state == "hanging" else None))
        queries = SqliteQueries(folder / "service.db")
        running = stack.enter_context(processes.service(folder, provider, queries=queries, settings=DEFAULT_RATE))
        yield running, queries, folder / "bodies"


def _quietly() -> Iterator[str]:
    for number in range(PER_SECOND * SECONDS):
        yield _body(f"quiet-{number % QUIET}", 2_000_000 + number)


def _body(guid: str, number: int) -> str:
    fields = {"guid": guid, "conversationId": f"S:{number}", "messageType": "TEXT", "content": "hello"}
    return json.dumps(fields) + "\n"
