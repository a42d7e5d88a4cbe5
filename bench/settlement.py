"""What bad callbacks do to statuses: sends of which a tenth loses its answer, twice as many callbacks, and the simulator's ledger as the judge.

    python -m bench.settlement [--messages 1000] [--seed 12]

The service runs on SQLite and wants tokens. Faults are those of the simulator, between it and the service stands `noisy_relay.py`. H is short, so that a run ends.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop
from bench import processes, report
from bench.disturbance import Json
from bench.failover import AT_REST
from bench.noisy_relay import NoisyRelay, RecordId
from bench.processes import Service
from tests.support.json_lines import json_lines
from tests.support.processes.programs import SimulatorProgram
from tests.support.processes.running_service import SENDS
from tests.support.processes.two_providers import MAIN, message_id_of

from wework_message.domain.content import CONTENTS, MessageType
from wework_message.domain.message.echo_keys import COMPARED

MESSAGES: Final = 1_000
FULL_MESSAGES: Final = 5_000
CALLBACKS: Final = 2
"""For each message."""
SEED: Final = 12
GUIDS: Final = tuple(f"guid-{number}" for number in range(20))
PER_SECOND: Final = 80
HORIZON_S: Final = 10
"""Many times what a callback may be late."""
QUIET_S: Final = 2 * HORIZON_S + 2
"""After so long without a change nothing changes any more by itself."""
LIMIT_S: Final = 900

ANSWERS_LOST: Final = 0.1
"""Calls that are executed, and whose answer is lost."""
UNEXECUTED: Final = 0.02
"""Further calls without an answer that are not executed: where only those executed were uncertain, DELIVERED could never be wrong."""

TYPES: Final = ("TEXT", "TEXT", "TEXT", "TEXT", "IMAGE", "LINK", "FILE", "LOCATION", "SHOP_PRODUCT")
"""In turn; nothing can be compared of the last one."""

_SAID_UNSENT: Final = frozenset({"FAILED", "EXPIRED", "CANCELLED"})
_OUTCOMES: Final = """
SELECT m.id, m.message_type, m.status, m.updated_at, a.ended_at, a.provider_message_id
FROM wm_message m LEFT JOIN wm_attempt a ON a.message_id = m.id AND a.number = m.attempt_count
"""
_PENDING: Final = "SELECT count(*) FROM wm_callback WHERE state = 'PENDING'"
_STATES: Final = "SELECT state, count(*) FROM wm_callback GROUP BY state"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the service says of a message at the end."""

    message_id: str
    message_type: str
    status: str
    updated_at: int
    ended_at: int | None
    """End of its newest call; instants are epoch ms."""
    provider_message_id: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """What the ledger says of its calls, and the relay of their echoes."""

    calls: Sequence[Json]
    offered: AbstractSet[RecordId]

    @property
    def executed(self) -> list[Json]:
        return [call for call in self.calls if call["executed"]]

    @property
    def uncertain(self) -> bool:
        """Whether no answer told what became of it."""
        return bool(self.calls) and not self.calls[-1]["status"]

    @property
    def shown(self) -> bool:
        """Whether a copy of its echo was posted."""
        return any((call["guid"], call["id"]) in self.offered for call in self.executed)


def run(messages: int = MESSAGES, seed: int = SEED) -> dict[str, Any]:
    """What was sent, what was posted, and the judgement."""
    return uvloop.run(_run(messages, seed))


def judged(
    accepted: int, outcomes: Sequence[Outcome], calls: Sequence[Json], offered: AbstractSet[RecordId]
) -> dict[str, Any]:
    """Every status beside the ledger; pure. `offered` are the records whose echo was posted."""
    by_message = defaultdict[str, list[Json]](list)
    for call in calls:
        by_message[message_id_of(call)].append(call)
    wrong: Counter[str] = Counter({"lost": accepted - len(outcomes)})
    rows: Counter[tuple[str, str]] = Counter()
    settled_wrongly = to_settle = settled = 0
    latest_ms = 0
    for outcome in outcomes:
        happened = Happened(by_message[outcome.message_id], offered)
        rows[outcome.status, _kind(outcome, happened)] += 1
        if (what := _contradiction(outcome, happened)) is not None:
            wrong[what] += 1
            settled_wrongly += happened.uncertain and outcome.status != "UNKNOWN"
        if happened.uncertain and happened.shown and _is_compared(outcome):
            to_settle += 1
            took_ms = outcome.updated_at - (outcome.ended_at or 0)
            latest_ms = max(latest_ms, took_ms if outcome.status == "DELIVERED" else 0)
            settled += outcome.status == "DELIVERED" and took_ms <= HORIZON_S * 1_000
    return {
        "messages": accepted,
        "table": [[*row, count] for row, count in sorted(rows.items())],
        "wrong": +wrong,
        "settled_wrongly": settled_wrongly,
        "to_settle": to_settle,
        "settled": settled,
        "latest_ms": latest_ms,
        "ok": not (+wrong or settled_wrongly) and settled == to_settle > 0,
    }


def _contradiction(outcome: Outcome, happened: Happened) -> str | None:
    """The first thing in which the status contradicts what happened."""
    executed, status = happened.executed, outcome.status
    ids = {call["id"] for call in executed}
    contradictions = {
        "executed more than once": len(executed) > 1,
        "said to be sent, not executed": status in {"DELIVERED", "SENT"} and not executed,
        "has the id of another record": status == "DELIVERED" and outcome.provider_message_id not in ids,
        "DELIVERED, no echo was posted": status == "DELIVERED" and not happened.shown,
        "SENT, its echo was posted": status == "SENT" and happened.shown,
        "SENT without an answer": status == "SENT" and happened.uncertain,
        "said not to be sent, executed": status in _SAID_UNSENT and bool(executed),
        "UNKNOWN, it was answered": status == "UNKNOWN" and not happened.uncertain,
        "no end": status not in {"DELIVERED", "SENT", "UNKNOWN", *_SAID_UNSENT},
    }
    return next((what for what, contradicts in contradictions.items() if contradicts), None)


def _kind(outcome: Outcome, happened: Happened) -> str:
    answer = "no answer" if happened.uncertain else "answered"
    if not happened.executed:
        return f"{answer}, not executed"
    shown = "echo posted" if happened.shown else "every copy of the echo dropped"
    return f"{answer}, {shown}" + ("" if _is_compared(outcome) else ", not comparable")


def _is_compared(outcome: Outcome) -> bool:
    return COMPARED[MessageType(outcome.message_type)] is not None


async def _run(messages: int, seed: int) -> dict[str, Any]:
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        simulator, running = _processes(stack, folder, seed)
        relay = NoisyRelay(running.url, _tokens(running), GUIDS, messages * CALLBACKS, seed)
        stack.push_async_callback(relay.close)
        server, url = await relay.listen()
        stack.callback(server.close)
        for guid in GUIDS:
            await asyncio.to_thread(processes.post, f"{simulator.origin}/_sim/guids/{guid}", {"notify_url": url})
        (folder / "bodies").write_text("\n".join(_bodies(messages)))
        async with _forger(simulator, relay):
            accepted = await asyncio.to_thread(
                processes.load, running.send_url, str(folder / "bodies"), count=messages, per_second=PER_SECOND
            )
            await _echoed(simulator, running)
        relay.finish()
        await _come_to_rest(running, relay)
        outcomes = [Outcome(*row) for row in running.queries.rows(_OUTCOMES)]
        states = dict(running.queries.rows(_STATES))
        simulator.stop()
        calls = list(_calls(folder / "ledger.jsonl"))
    judgement = judged(accepted["answers"], outcomes, calls, relay.offered)
    return judgement | {
        "seed": seed,
        "horizon_s": HORIZON_S,
        "fates": dict(relay.fates),
        "answers": [[kind, status, count] for (kind, status), count in sorted(relay.answers.items())],
        "callbacks": sum(relay.answers.values()) + sum(n for fate, n in relay.fates.items() if "dropped" in fate),
        "callback_states": states,
        "answers_lost": sum(not call["status"] for call in calls),
    }


def _processes(stack: contextlib.AsyncExitStack, folder: Path, seed: int) -> tuple[SimulatorProgram, Service]:
    script = folder / "faults.json"
    rules = [
        {"name": kind, "match": {"probability": probability}, "do": {"kind": kind}}
        for kind, probability in (("answer_lost", ANSWERS_LOST), ("closed_before", UNEXECUTED))
    ]
    script.write_text(json.dumps({"seed": seed, "rules": rules}))
    guids = [option for guid in GUIDS for option in ("--guid", guid)]
    port = processes.free_port()
    nowhere = f"http://127.0.0.1:{port}/message/api/callbacks/webhook"  # until each instance has the relay's URL
    simulator = SimulatorProgram(
        folder, nowhere, "--strict-guids", *guids, "--latency-ms", "20", "--faults", str(script), "--seed", str(seed)
    )
    simulator.start()
    stack.callback(simulator.kill)
    settings = {
        "APP_CALLBACKS_REQUIRE_TOKEN": "true",
        "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": str(HORIZON_S),
        f"APP_WEWORK_PROVIDERS_{MAIN}_TIMEOUT_MS": "2500",
    }
    running = stack.enter_context(processes.service(folder / "service", simulator.origin, port=port, settings=settings))
    return simulator, running


def _tokens(running: Service) -> dict[str | None, str]:
    """One of the provider, and two of single guids, of which the forger uses one."""
    tokens: dict[str | None, str] = {}
    for guid in (None, *GUIDS[:2]):
        body = {"providerCode": MAIN} | ({} if guid is None else {"guid": guid})
        tokens[guid] = processes.post(f"{running.url}/api/callbacks/tokens", body)["data"]["token"]
    return tokens


def _bodies(messages: int) -> Iterator[str]:
    """Each has a conversation of its own, so that none waits behind an uncertain one; every text occurs once."""
    for number in range(messages):
        message_type = TYPES[number % len(TYPES)]
        fields = {
            **CONTENTS[MessageType(message_type)].EXAMPLE, "messageType": message_type,
            "guid": GUIDS[number % len(GUIDS)], "conversationId": f"S:7881303{number:09d}",
        }  # fmt: skip
        yield json.dumps(fields | ({"content": f"message {number}"} if message_type == "TEXT" else {}))


@contextlib.asynccontextmanager
async def _forger(simulator: SimulatorProgram, relay: NoisyRelay) -> AsyncIterator[None]:
    """Reads the ledger while the messages are sent, so that lies come in time."""

    async def read() -> None:
        since = 0
        while True:
            url = f"{simulator.origin}/_sim/ledger?since={since}&limit=500"
            calls = await asyncio.to_thread(processes.get, url)
            since += len(calls)
            relay.learn(calls)
            await asyncio.sleep(0.3)

    reading = asyncio.create_task(read())
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _echoed(simulator: SimulatorProgram, running: Service) -> None:
    """Return once every message has been called and the simulator has no echo left."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        state = await asyncio.to_thread(processes.get, f"{simulator.origin}/_sim/state")
        if not running.statuses().keys() - set(AT_REST) and not state["echoes_pending"]:
            return
        await asyncio.sleep(0.2)


async def _come_to_rest(running: Service, relay: NoisyRelay) -> None:
    """Return once every callback is applied and nothing has changed for so long that only a person could change it."""
    before: object = None
    until, since = time.monotonic() + LIMIT_S, time.monotonic()
    while time.monotonic() - since < QUIET_S and time.monotonic() < until:
        now = (relay.pending, running.queries.rows(_PENDING), running.statuses())
        if now != before or relay.pending:
            before, since = now, time.monotonic()
        await asyncio.sleep(0.5)


def _calls(path: Path) -> Iterator[Json]:
    return (call for call in json_lines(path) if call["path"].startswith(SENDS))


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.settlement", description="Bad callbacks, lost answers")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    results = {"settlement": run(arguments.messages, arguments.seed)}
    return report.show(results)


if __name__ == "__main__":
    sys.exit(main())
