"""How long a quiet account's messages wait for their call, alone and beside an account that floods or hangs (ADR 31).

Each state has a service of its own on SQLite, with the budgets of accounts as they come. The quiet messages come at a steady
rate, whatever the answers; their waits are read from the database.
"""

import asyncio
import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from bench import processes
from bench.processes import Service
from bench.queries import SqliteQueries

STATES: Final = ("alone", "flood", "hanging")
LOUD: Final = "loud"
"""The account that floods or hangs."""
FLOOD: Final = 20_000
HANGING: Final = 200
QUIET: Final = 20
"""Quiet accounts."""
PER_SECOND: Final = 60
SECONDS: Final = 10
GOAL: Final = 1.2
DEFAULT_RATE: Final = {"APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000"}

_WAITS: Final = """
SELECT a.started_at - m.accepted_at FROM wm_message m JOIN wm_attempt a ON a.message_id = m.id
WHERE m.guid LIKE 'quiet-%' AND a.number = 1 ORDER BY 1
"""


def run(rounds: int) -> dict[str, Any]:
    """By state the waits of the quiet messages in ms, and the ratios of their p99 to the state `alone`."""
    samples: dict[str, list[dict[str, float]]] = {state: [] for state in STATES}
    for turn in range(rounds):
        for state in STATES if turn % 2 == 0 else reversed(STATES):
            samples[state].append(_round(state))
    medians = {
        state: {name: statistics.median(sample[name] for sample in taken) for name in taken[0]}
        for state, taken in samples.items()
    }
    ratios = {state: medians[state]["p99_ms"] / medians["alone"]["p99_ms"] for state in STATES[1:]}
    return {
        "states": medians,
        "ratios": ratios,
        "rounds": samples,
        "goal": GOAL,
        "ok": max(ratios.values()) <= GOAL,
    }


def _round(state: str) -> dict[str, float]:
    with _service(state) as (running, queries, bodies):
        if state != "alone":
            bodies.write_text("".join(_loudly(FLOOD if state == "flood" else HANGING)))
            processes.load(running.send_url, str(bodies))
        sent = asyncio.run(_send_quietly(running.send_url))
        processes.until_none(queries, "SELECT count(*) FROM wm_message WHERE guid LIKE 'quiet-%' AND status != 'SENT'")
        waits = [row[0] for row in queries.rows(_WAITS)]
    if len(waits) != sent:
        raise RuntimeError(f"{sent} quiet messages were accepted, but {len(waits)} were sent")
    return {"p50_ms": waits[len(waits) // 2], "p99_ms": waits[len(waits) * 99 // 100], "max_ms": waits[-1]}


def _loudly(count: int) -> Iterator[str]:
    for number in range(count):
        fields = {"guid": LOUD, "conversationId": f"S:{1_000_000 + number}", "messageType": "TEXT", "content": "hello"}
        yield json.dumps(fields) + "\n"


@contextlib.contextmanager
def _service(state: str) -> Iterator[tuple[Service, SqliteQueries, Path]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))) / state
        provider = stack.enter_context(processes.stub(hanging=LOUD if state == "hanging" else None))
        queries = SqliteQueries(folder / "service.db")
        running = stack.enter_context(processes.service(folder, provider, queries=queries, settings=DEFAULT_RATE))
        yield running, queries, folder / "bodies"


async def _send_quietly(url: str) -> int:
    """An open loop: each message at its time. Returns how many were accepted; raises `RuntimeError` for another answer."""
    loop, total = asyncio.get_running_loop(), PER_SECOND * SECONDS
    began = loop.time()

    async def send(client: httpx.AsyncClient, number: int) -> None:
        await asyncio.sleep(began + number / PER_SECOND - loop.time())
        fields = {
            "guid": f"quiet-{number % QUIET}", "conversationId": f"S:{2_000_000 + number}", "messageType": "TEXT",
            "content": "hello",
        }  # fmt: skip
        answer = await client.post(url, content=json.dumps(fields), headers={"content-type": "application/json"})
        if answer.status_code != httpx.codes.ACCEPTED:
            raise RuntimeError(f"a quiet message was answered {answer.status_code}")

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        await asyncio.gather(*(send(client, number) for number in range(total)))
    return total
