"""What two faulty providers do to the messages of accounts that have a binding at both, while one of them is killed and revived twice.

    python -m bench.failover [--messages 1000] [--seed 11]

Judged by the ledgers of both simulators together: what was executed, and how often. Faults are drawn by a seed, for each conversation by itself.
Latency of the answers is such that a kill finds calls open. Horizon and timeout are short, so that a run ends; the rules are those of the product.
"""

import argparse
import concurrent.futures
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import processes, report
from bench.processes import Service
from tests.support.json_lines import json_lines
from tests.support.processes.programs import SimulatorProgram
from tests.support.processes.running_service import SENDS, Json
from tests.support.processes.two_providers import MAIN, SPARE, doubles, message_id_of

MESSAGES: Final = 1_000
FULL_MESSAGES: Final = 10_000
SEED: Final = 11
ACCOUNTS: Final = 50
"""Each with a HOT binding at both providers, of equal priority."""
CONVERSATION: Final = 4
"""Messages of one conversation, spread over the run: an uncertain one blocks those behind it for a while."""
PER_SECOND: Final = 100
KILLS: Final = (0.15, 0.6)
"""When the main provider is killed, as parts of the run ..."""
DOWN: Final = 0.1
"""... and for how long, as a part of it."""
HORIZON_S: Final = 3
QUIET_S: Final = 2 * HORIZON_S + 2
"""After so long without a change nothing changes any more by itself: the wait for evidence is over."""
LIMIT_S: Final = 600

PROBABILITIES: Final[Mapping[str, float]] = {
    "refuse": 0.02, "throttle": 0.004, "answer_lost": 0.01, "closed_before": 0.005, "http_500_before": 0.005,
    "http_500_after": 0.01, "http_502": 0.005, "reset": 0.01,
}  # fmt: skip
"""Of each kind of fault, by call. Nothing shows an uncertain call that was not executed: `closed_before`, `http_500_before` and `http_502`."""
PARAMETERS: Final[Mapping[str, Json]] = {"refuse": {"error_code": -4046}}
"""This one says that the provider cannot send such a message; another may."""

AT_REST: Final = ("DELIVERED", "SENT", "FAILED", "UNKNOWN")
SAID_SENT: Final = frozenset({"DELIVERED", "SENT"})
SAID_NOT_SENT: Final = frozenset({"FAILED"})

_OUTCOMES: Final = """
SELECT m.id, m.status, coalesce(m.reason, ''), coalesce(a.outcome, ''), coalesce(a.reason, ''), m.attempt_count
FROM wm_message m LEFT JOIN wm_attempt a ON a.message_id = m.id AND a.number = m.attempt_count
"""
_BINDINGS: Final = """
SELECT count(*) FROM wm_attempt a JOIN wm_attempt b
ON b.message_id = a.message_id AND b.number = a.number + 1 AND b.provider_code != a.provider_code
"""


def run(messages: int = MESSAGES, seed: int = SEED) -> dict[str, Any]:
    """The numbers of messages by what the service says of them and by how often they were executed, and the judgement."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        port = processes.free_port()
        simulators = {code: _simulator(stack, folder, code, port, seed) for code in (MAIN, SPARE)}
        running = stack.enter_context(
            processes.service(
                folder / "service", simulators[MAIN].origin, port=port, settings=_settings(simulators[SPARE].origin)
            )
        )
        _register(running)
        accepted = _send(running, simulators[MAIN], folder / "bodies", messages)
        _come_to_rest(running)
        outcomes, moved = running.queries.rows(_OUTCOMES), running.queries.rows(_BINDINGS)[0][0]
        for simulator in simulators.values():
            simulator.stop()
        executions = [entry for code in simulators for entry in _executions(folder / code / "ledger.jsonl")]
        faults = Counter(
            entry["fault"]
            for code in simulators
            for entry in json_lines(folder / code / "ledger.jsonl")
            if entry["fault"]
        )
    return _judged(accepted, outcomes, executions) | {"moved": moved, "faults": dict(faults), "seed": seed}


def _judged(accepted: int, outcomes: Sequence[tuple[Any, ...]], executions: Sequence[Json]) -> dict[str, Any]:
    times = Counter(message_id_of(entry) for entry in executions)
    rows: Counter[tuple[str, str, int]] = Counter()
    lost = accepted - len(outcomes)
    contradicted = 0
    for message_id, status, reason, outcome, outcome_reason, _ in outcomes:
        executed = times[message_id]
        rows[_named(status, reason), _named(outcome, outcome_reason), executed] += 1
        lost += status not in AT_REST or (status in SAID_SENT and not executed)
        contradicted += status in SAID_NOT_SENT and bool(executed)
    unknown = sum(count for (status, _, _), count in rows.items() if status.startswith("UNKNOWN"))
    doubled = doubles(list(executions))
    return {
        "messages": accepted,
        "table": [[*row, count] for row, count in sorted(rows.items())],
        "lost": lost,
        "doubles": len(doubled),
        "contradicted": contradicted,
        "person": unknown,
        "person_share": unknown / accepted,
        "executions": len(executions),
        "attempts": sum(row[-1] for row in outcomes),
        "ok": not (lost or doubled or contradicted),
    }


def _named(status: str, reason: str) -> str:
    return f"{status} {reason}".strip()


def _simulator(stack: contextlib.ExitStack, folder: Path, code: str, port: int, seed: int) -> SimulatorProgram:
    """In a folder of its own, where its ledger is."""
    place = folder / code
    place.mkdir()
    script = place / "faults.json"
    rules = [
        {"name": kind, "match": {"probability": probability}, "do": {"kind": kind} | PARAMETERS.get(kind, {})}
        for kind, probability in PROBABILITIES.items()
    ]
    script.write_text(json.dumps({"seed": seed, "rules": rules}))
    callback_url = f"http://127.0.0.1:{port}/message/api/callbacks/webhook/{code}"
    simulator = SimulatorProgram(place, callback_url, "--latency-ms", "30", "--faults", str(script))
    simulator.start()
    stack.callback(simulator.kill)
    return simulator


def _settings(spare_url: str) -> dict[str, str]:
    """Both providers are equal."""
    spare = f"APP_WEWORK_PROVIDERS_{SPARE}"
    return {
        f"{spare}_API_BASE_URL": spare_url,
        f"{spare}_PRIORITY": "1",
        f"{spare}_TIMEOUT_MS": "2500",
        f"APP_WEWORK_PROVIDERS_{MAIN}_TIMEOUT_MS": "2500",
        "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": str(HORIZON_S),
    }


def _register(running: Service) -> None:
    for number in range(ACCOUNTS):
        bindings = [{"providerCode": code, "guid": f"{code.lower()}-{number}"} for code in (MAIN, SPARE)]
        processes.post(f"{running.url}/api/accounts", {"accountId": f"account-{number}", "bindings": bindings})


def _send(running: Service, main: SimulatorProgram, bodies: Path, messages: int) -> int:
    """Accept the messages at a steady rate, while the main provider dies twice; how many were accepted."""
    bodies.write_text("\n".join(_bodies(messages)))
    whole_s = messages / PER_SECOND
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        load = pool.submit(processes.load, running.send_url, str(bodies), count=messages, per_second=PER_SECOND)
        began = time.monotonic()
        for at in KILLS:
            time.sleep(max(0.0, began + at * whole_s - time.monotonic()))
            main.kill()
            time.sleep(DOWN * whole_s)
            main.start()
        answers: int = load.result()["answers"]
    return answers


def _bodies(messages: int) -> Iterator[str]:
    """Every content occurs once; the conversations of all accounts take turns."""
    conversations = max(1, messages // CONVERSATION)
    for number in range(messages):
        conversation = number % conversations
        fields = {"accountId": f"account-{conversation % ACCOUNTS}", "conversationId": f"S:{1_000_000 + conversation}"}
        yield json.dumps(fields | {"messageType": "TEXT", "content": f"message {number}"})


def _come_to_rest(running: Service) -> None:
    """Return once nothing has changed for so long that only a person could change it."""
    before: dict[str, int] = {}
    until, since = time.monotonic() + LIMIT_S, time.monotonic()
    while (statuses := running.statuses()).keys() - set(AT_REST) or time.monotonic() - since < QUIET_S:
        if statuses != before:
            before, since = statuses, time.monotonic()
        if time.monotonic() > until:
            return  # what is not at rest is lost: the table shows it
        time.sleep(0.5)


def _executions(path: Path) -> Iterator[Json]:
    return (entry for entry in json_lines(path) if entry["executed"] and entry["path"].startswith(SENDS))


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.failover", description="Two faulty providers")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    results = {"failover": run(arguments.messages, arguments.seed)}
    return report.show(results)


if __name__ == "__main__":
    sys.exit(main())
