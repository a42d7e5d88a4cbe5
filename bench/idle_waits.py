"""CPU of the service while requests wait for a change that does not come.

    python -m bench.idle_waits [--waiters 800] [--seconds 10] [--against src-of-another-version]

The real service on SQLite; each request is `GET status?wait=30` of its own message, which is scheduled for a far day. Prints one
line of JSON with the cores that the service costs without a request and with them; `--against` measures another version in the
same run. Goal: 800 idle requests cost at most a tenth of a core.
"""

import argparse
import asyncio
import datetime as dt
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx
from bench.processes import Service, service

MAX_CORES: Final = 0.1
"""Share of a core that 800 idle requests may cost."""
OPENING: Final = 64
"""Requests that are begun at once."""
SETTLING_S: Final = 8
"""After the last request began, before the measurement."""
LONGEST_S: Final = 15


async def waits(running: Service, waiters: int, seconds: float) -> float:
    """CPU seconds of the service per second, while so many requests wait."""
    limits = httpx.Limits(max_connections=max(1, waiters), max_keepalive_connections=max(1, waiters))
    async with httpx.AsyncClient(base_url=running.url, limits=limits, timeout=60, trust_env=False) as client:
        message_ids = [await _accept(client, number) for number in range(waiters)]
        gate = asyncio.Semaphore(OPENING)
        requests = [asyncio.create_task(_wait(client, message_id, gate)) for message_id in message_ids]
        await asyncio.sleep(SETTLING_S)
        before = running.cpu_s()
        await asyncio.sleep(seconds)
        spent = running.cpu_s() - before
        if any(request.done() for request in requests):
            raise RuntimeError("a request ended during the measurement")
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
    return spent / seconds


async def _accept(client: httpx.AsyncClient, number: int) -> str:
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    body: dict[str, Any] = {
        "guid": "guid-1", "conversationId": f"S:{number + 1_000_000}", "messageType": "TEXT", "content": "later",
        "scheduledAt": tomorrow.isoformat(timespec="seconds"),
    }  # fmt: skip
    answer = await client.post("/api/messages/send/async", json=body)
    answer.raise_for_status()
    return str(answer.json()["data"]["messageId"])


async def _wait(client: httpx.AsyncClient, message_id: str, gate: asyncio.Semaphore) -> None:
    async with gate:
        await asyncio.sleep(0)
        request = asyncio.create_task(client.get(f"/api/messages/{message_id}/status", params={"wait": 30}))
        await asyncio.sleep(0.05)
    try:
        (await request).raise_for_status()
    finally:
        request.cancel()


def measured(source: Path | None, waiters: int, seconds: float) -> dict[str, float]:
    """Cores of the service, of the version in `source` (None = this one), without requests that wait and with them."""
    settings = {"PYTHONPATH": str(source.resolve())} if source else {}
    provider_url = "http://127.0.0.1:9"
    with (
        tempfile.TemporaryDirectory() as folder,
        service(Path(folder) / "run", provider_url, settings=settings) as running,
    ):
        return {
            "none": round(asyncio.run(waits(running, 0, seconds)), 4),
            "waiting": round(asyncio.run(waits(running, waiters, seconds)), 4),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU of idle long polls")
    parser.add_argument("--waiters", type=int, default=800)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--against", type=Path, help="the src folder of another version")
    arguments = parser.parse_args()
    if not 0 < arguments.seconds <= LONGEST_S:
        parser.error(f"--seconds must be above 0 and at most {LONGEST_S}: a request waits for 30 s")
    cores = {"this": measured(None, arguments.waiters, arguments.seconds)}
    if arguments.against:
        cores["against"] = measured(arguments.against, arguments.waiters, arguments.seconds)
    print(json.dumps({"waiters": arguments.waiters, "cores": cores}))
    added = cores["this"]["waiting"] - cores["this"]["none"]
    return 0 if added <= MAX_CORES * max(1, arguments.waiters / 800) else 1


if __name__ == "__main__":
    sys.exit(main())
