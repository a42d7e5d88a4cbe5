"""What a provider that hangs costs the others: accepts and messages per second of one provider, with and without a hanging one beside it.

Two providers with accounts at each. Where the other one hangs, its accounts have been given messages before, whose calls stay open through the whole
measurement: each hangs for 30 s, a service of its own begins every measurement, and all is measured within that time. Two kinds of the measured provider: one that answers at once,
where cores are the limit, and one that takes as long as real ones do, where open calls are.
"""

import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench import processes
from bench.processes import Service

STATES: Final = ("without", "hanging")
ANSWERS_AFTER_MS: Final = {"at once": 0, "after 40 ms": 40}
"""Kinds of the measured provider."""
HANG_MS: Final = 30_000
CODES: Final = {"near": "GUANGZHOU_GUXING", "far": "HANGING"}
"""The measured provider and the other one, by the beginning of their accounts' ids."""
ACCOUNTS: Final = 20
"""At each provider."""
HANGING: Final = 200
"""Messages that the hanging provider has to send; so many calls would more than fill the process."""
PER_SECOND: Final = 200
SECONDS: Final = 6
"""Accepts are timed at this rate for so long ..."""
MESSAGES: Final = 2_000
"""... then so many messages are accepted as fast as possible, and sent."""
GOALS: Final = {"p99": 1.2, "per_second": 0.95}
"""At most so many times the p99, at least this part of the messages per second; hanging by without."""

_OPEN: Final = "SELECT count(*) FROM wm_message WHERE account_id LIKE 'far-%' AND status = 'SENDING'"
_UNSENT: Final = "SELECT EXISTS(SELECT 1 FROM wm_message WHERE account_id LIKE 'near-%' AND status != 'SENT')"


def run(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """By kind of provider: medians of both states, and medians of the rounds' ratios, hanging by without."""
    return {"kinds": {kind: _compared(kind, rounds, say) for kind in ANSWERS_AFTER_MS}, "goals": GOALS}


def _compared(kind: str, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    samples: dict[str, list[dict[str, float]]] = {state: [] for state in STATES}
    for turn in range(rounds):
        for state in STATES if turn % 2 == 0 else reversed(STATES):
            samples[state].append(sample := _round(kind, state))
            say(f"  {kind}, round {turn + 1}, {state}: {json.dumps(sample)}")
    medians = {
        state: {key: statistics.median(sample[key] for sample in taken) for key in taken[0]}
        for state, taken in samples.items()
    }
    pairs = list(zip(samples["hanging"], samples["without"], strict=True))
    ratios = {
        "p99": statistics.median(hanging["p99_ms"] / without["p99_ms"] for hanging, without in pairs),
        "per_second": statistics.median(hanging["per_second"] / without["per_second"] for hanging, without in pairs),
    }
    return {"states": medians, "ratios": ratios, "rounds": samples}


def _round(kind: str, state: str) -> dict[str, float]:
    with _service(kind) as (running, bodies):
        _sent(running, bodies, PER_SECOND)  # warms up
        began = time.monotonic()
        if state == "hanging":
            _load(running, bodies, "far", HANGING)
            _calls_open(running)
        paced = _load(running, bodies, "near", PER_SECOND * SECONDS, per_second=PER_SECOND)
        processes.until_none(running.queries, _UNSENT)
        per_second = _sent(running, bodies, MESSAGES)
        if state == "hanging":
            _calls_open(running)
            if (took := time.monotonic() - began) * 1_000 > HANG_MS:
                raise RuntimeError(f"measured for {took:.0f} s: by then the first calls hang no more")
    return {"p50_ms": paced["p50_ms"], "p99_ms": paced["p99_ms"], "per_second": per_second}


def _sent(running: Service, bodies: Path, count: int) -> float:
    """Messages per second, from the first request until the last one is SENT."""
    began = time.perf_counter()
    _load(running, bodies, "near", count)
    processes.until_none(running.queries, _UNSENT)
    return count / (time.perf_counter() - began)


def _load(
    running: Service, bodies: Path, account: str, count: int, *, per_second: float | None = None
) -> dict[str, Any]:
    lines = (
        json.dumps(
            {
                "accountId": f"{account}-{number % ACCOUNTS}", "conversationId": f"S:{1_000_000 + number}",
                "messageType": "TEXT", "content": "hello",
            }
        )
        for number in range(count)
    )  # fmt: skip
    bodies.write_text("\n".join(lines))
    return processes.load(running.send_url, str(bodies), count=count, per_second=per_second)


def _calls_open(running: Service) -> None:
    """Raises `RuntimeError` where no call hangs, within two seconds."""
    until = time.monotonic() + 2
    while not running.queries.rows(_OPEN)[0][0]:
        if time.monotonic() > until:
            raise RuntimeError("no call hangs: there is nothing to measure")
        time.sleep(processes.POLL_S)


@contextlib.contextmanager
def _service(kind: str) -> Iterator[tuple[Service, Path]]:
    """On SQLite, with both providers and their accounts."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        near = stack.enter_context(processes.stub(answer_after_ms=ANSWERS_AFTER_MS[kind]))
        far = stack.enter_context(processes.stub(answer_after_ms=HANG_MS))
        settings = {f"APP_WEWORK_PROVIDERS_{CODES['far']}_API_BASE_URL": far}
        running = stack.enter_context(processes.service(folder / "on sqlite", near, settings=settings))
        for name, code in CODES.items():
            for number in range(ACCOUNTS):
                account = f"{name}-{number}"
                processes.post(
                    f"{running.url}/api/accounts",
                    {"accountId": account, "bindings": [{"providerCode": code, "guid": account}]},
                )
        yield running, folder / "bodies"
