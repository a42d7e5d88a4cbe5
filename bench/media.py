"""Messages with media: uploads per file, memory beside that of texts, and what a big upload costs the texts that are sent meanwhile.

Two fresh services on SQLite before a simulator each send as many messages, one of texts, the other of pictures of a few files. Then, in one service in turns,
texts at a steady rate: alone, while files of 25 MB are taken in, and fetched by the provider, and while as many are taken in and fetched by the least service
for files, which is another process: what that costs the texts is the load on the machine of whoever moves such files.
"""

import contextlib
import io
import itertools
import json
import random
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from bench import processes, rounds
from bench.load import bodies
from bench.processes import Service
from PIL import Image

MESSAGES: Final = 5_000
FILES: Final = 50
GOALS: Final = {"more_mb": 30.0, "p99": 1.3}
PER_SECOND: Final = 40
SECONDS: Final = 12
BIG_BYTES: Final = 25_000_000
FILES_PER_SECOND: Final = 3
JUDGED: Final = ("uploads", "alone")
PAIRS: Final = (JUDGED, ("uploads", "bare"), ("bare", "alone"))
"""States whose p99 are compared."""
WARM: Final = 500
"""Texts that both services send before their memory is read for the first time."""

_UNDELIVERED: Final = "SELECT EXISTS(SELECT 1 FROM wm_message WHERE status NOT IN ('DELIVERED', 'FAILED'))"
_FAILED: Final = "SELECT count(*) FROM wm_message WHERE status = 'FAILED'"
_MEDIA: Final = "/api/media"


def run(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Uploads and memory of one run of each kind; medians and the median of the rounds' ratios of p99."""
    memory = {kind: _sent(kind, say) for kind in ("texts", "pictures")}
    more_mb = (memory["pictures"]["grown_kb"] - memory["texts"]["grown_kb"]) / 1024
    beside = _beside_uploads(rounds, say)
    uploads = memory["pictures"]["uploads"]
    return {
        "memory": memory, "messages": MESSAGES, "files": FILES, "uploads": uploads, "more_mb": more_mb, "goals": GOALS, **beside,
        "ok": uploads == FILES and more_mb <= GOALS["more_mb"] and beside["ratio"] <= GOALS["p99"],
    }  # fmt: skip


def _sent(kind: str, say: Callable[[str], None]) -> dict[str, float]:
    with _stage() as (running, simulator, folder):
        processes.load(running.send_url, "send", count=WARM)
        processes.until_none(running.queries, _UNDELIVERED)
        before_kb = running.rss_kb()
        requests = folder / kind
        texts = itertools.islice(bodies("send"), MESSAGES)
        requests.write_bytes(b"\n".join(texts if kind == "texts" else _pictures(running)))
        result = processes.load(running.send_url, str(requests), count=MESSAGES)
        processes.until_none(running.queries, _UNDELIVERED)
        if failed := running.queries.rows(_FAILED)[0][0]:
            raise RuntimeError(f"{failed} messages failed")
        uploads = processes.get(f"{simulator}/_sim/state")["uploads"]
        sample = {
            "grown_kb": running.rss_kb() - before_kb,
            "uploads": uploads,
            "accept_per_second": result["per_second"],
        }
        say(f"  {kind}: {json.dumps(sample)}")
        return sample


def _pictures(running: Service) -> Iterator[bytes]:
    media_ids = [_upload(running, f"{number}.png", _picture(number)) for number in range(FILES)]
    run = uuid.uuid4().hex[:12]
    for number in range(MESSAGES):
        message = {
            "guid": f"guid-{number % 50}", "conversationId": f"S:{1_000_000 + number % 997}", "messageType": "IMAGE",
            "mediaId": media_ids[number % FILES], "clientMessageId": f"{run}-{number}",
        }  # fmt: skip
        yield json.dumps(message).encode()


def _picture(number: int) -> bytes:
    """Some 100 kB that no compression shortens."""
    noise = random.Random(number).randbytes(200 * 170 * 3)
    written = io.BytesIO()
    Image.frombytes("RGB", (200, 170), noise).save(written, "PNG")
    return written.getvalue()


def _upload(running: Service, name: str, content: bytes) -> str:
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.post(f"{running.url}{_MEDIA}", files={"file": (name, content)})
    answer.raise_for_status()
    return str(answer.json()["data"]["mediaId"])


def _beside_uploads(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    with _stage() as (running, simulator, folder), processes.bare_files(folder / "bare") as bare_url:
        movers: dict[str, Callable[[], None]] = {
            "bare": lambda: _move_bare_file(bare_url, simulator),
            "uploads": lambda: _send_big_file(running),
        }
        samples = rounds.in_turns(
            ("alone", "bare", "uploads"), turns, lambda state: _round(running, movers.get(state)), say
        )
    ratios = {pair: rounds.ratio(samples, "p99_ms", *pair) for pair in PAIRS}
    return {
        "states": rounds.medians_of(samples), "ratios": [[*pair, ratio] for pair, ratio in ratios.items()], "judged": [*JUDGED],
        "ratio": ratios[JUDGED], "rounds": samples,
    }  # fmt: skip


def _round(running: Service, move: Callable[[], None] | None) -> dict[str, float]:
    ended, files = threading.Event(), [0]
    moving = None if move is None else threading.Thread(target=_move_files, args=(move, ended, files))
    before = running.cpu_s()
    if moving is not None:
        moving.start()
    try:
        sent = processes.load(running.send_url, "send", count=PER_SECOND * SECONDS, per_second=PER_SECOND)
    finally:
        ended.set()
        if moving is not None:
            moving.join()
    processes.until_none(running.queries, _UNDELIVERED)
    return {"p50_ms": sent["p50_ms"], "p99_ms": sent["p99_ms"], "files": files[0], "cpu_s": running.cpu_s() - before}


def _move_files(move: Callable[[], None], ended: threading.Event, files: list[int]) -> None:
    """One after the other, at a steady rate."""
    due = time.monotonic()
    while not ended.is_set():
        move()
        files[0] += 1
        due = max(due + 1 / FILES_PER_SECOND, time.monotonic())
        ended.wait(due - time.monotonic())


def _send_big_file(running: Service) -> None:
    """A new one: taken in, fetched by the provider, and sent."""
    media_id = _upload(running, "big.bin", _big_file())
    answer = processes.post(running.send_url, {
        "guid": "guid-0", "conversationId": "S:999", "messageType": "FILE", "mediaId": media_id,
    })  # fmt: skip
    status = f"{running.url}/api/messages/{answer['data']['messageId']}/status"
    while not processes.get(status)["data"]["success"]:  # the connection to the database belongs to another thread
        time.sleep(processes.POLL_S)


def _move_bare_file(bare_url: str, simulator: str) -> None:
    """A new one: taken in by the least service, and fetched from it by the provider."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.post(f"{bare_url}/files", files={"file": ("big.bin", _big_file())})
    processes.post(f"{simulator}/cloud/cdn_big_upload", {"guid": "guid-0", "url": bare_url + answer.text})


def _big_file() -> bytes:
    return uuid.uuid4().bytes * (BIG_BYTES // 16)


@contextlib.contextmanager
def _stage() -> Iterator[tuple[Service, str, Path]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        port = processes.free_port()
        simulator = stack.enter_context(processes.simulator(f"http://127.0.0.1:{port}/message/api/callbacks/webhook"))
        running = stack.enter_context(processes.service(folder / "media", simulator, port=port))
        yield running, simulator, folder
