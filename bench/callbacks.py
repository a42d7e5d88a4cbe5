"""Callbacks: acknowledged when they are durable, against a bare handler, and what each costs until its message is DELIVERED.

    python -m bench.callbacks [--rounds 5] [--messages 3000] [--against src-of-another-version]

Messages are sent first; then the echo of each is posted as a callback of its own, as fast as they are acknowledged. The same bodies go
to the bare handler, which keeps nothing, and to the least service that keeps them (`durable.py`): no durable route can be cheaper.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from bench import processes, rounds, servers, versions
from bench.processes import Service, Watched
from bench.rounds import Sample, Samples
from tests.support.servers.mariadb import MariaDb

MESSAGES: Final = 3_000
"""Callbacks of one round."""
GOALS: Final = {"ratio": 0.9, "cpu_us": 150.0}
"""Acknowledged per second, as a share of what the bare handler answers; CPU of service and MariaDB until DELIVERED."""
FLOORS: Final = ("litestar", "asgi")
"""The least services: a Litestar handler, and the same past the framework."""
SENDER: Final = "1688850000000001"
ECHOED: Final = (
    "SELECT guid, conversation_id, provider_message_id, app_info_key FROM wm_attempt"
    " WHERE started_at >= %d AND provider_message_id IS NOT NULL"
)
PENDING: Final = "SELECT EXISTS(SELECT 1 FROM wm_callback WHERE state = 'PENDING')"

_encode: Final = msgspec.json.Encoder().encode


class Contestant:
    """A service whose messages are echoed."""

    def __init__(self, service: Service, mariadb: MariaDb | None) -> None:
        self._service = service
        self._mariadb = mariadb
        self._watched_mariadb = servers.watched(mariadb) if mariadb else None

    def echoes(self, count: int) -> bytes:
        """Send messages, and return their callbacks, one per line."""
        began = time.time_ns() // 1_000_000
        processes.load(self._service.send_url, "send", count=count)
        self._service.settle()
        return b"\n".join(callback(*row) for row in self._service.queries.rows(ECHOED % began))

    def round(self, bodies: Path, count: int) -> Sample:
        """Post them, and wait until each message is DELIVERED."""
        before, before_mariadb, redo = self._service.cpu_s(), self._mariadb_cpu_s(), self._redo()
        result = processes.load(f"{self._service.url}/api/callbacks/webhook", str(bodies))
        acknowledged = self._service.cpu_s()
        processes.until_none(self._service.queries, PENDING)
        self._service.settle(echoed=True)
        spent, mariadb = self._service.cpu_s() - before, self._mariadb_cpu_s() - before_mariadb
        return _sample(result) | {
            "acknowledged_us": (acknowledged - before) / count * 1e6,
            "service_us": spent / count * 1e6,
            "mariadb_us": mariadb / count * 1e6,
            "cpu_us": (spent + mariadb) / count * 1e6,
            "redo_bytes": (self._redo() - redo) / count,
        }

    def _mariadb_cpu_s(self) -> float:
        return self._watched_mariadb.cpu_s() if self._watched_mariadb else 0.0

    def _redo(self) -> int:
        if self._mariadb is None:
            return 0
        return servers.counters(self._mariadb, "Innodb_os_log_written")["Innodb_os_log_written"]


class Least:
    """The least service that keeps callbacks, on one database."""

    def __init__(self, service: Watched, mariadb: MariaDb | None) -> None:
        self._service = service
        self._mariadb = servers.watched(mariadb) if mariadb else None

    def round(self, bodies: Path, count: int, anchor: Sample) -> Sample:
        """Post them to each of `FLOORS`; ratios to the bare handler's sample of the same round."""
        sample: Sample = {}
        for floor in FLOORS:
            before, before_mariadb = self._service.cpu_s(), self._mariadb.cpu_s() if self._mariadb else 0.0
            result = processes.load(f"{self._service.url}/{floor}", str(bodies))
            spent = self._service.cpu_s() - before
            mariadb = self._mariadb.cpu_s() - before_mariadb if self._mariadb else 0.0
            sample |= {
                f"{floor}_us": spent / count * 1e6,
                f"{floor}_mariadb_us": mariadb / count * 1e6,
                f"{floor}_ratio": result["per_second"] / anchor["per_second"],
                f"{floor}_cpu_ratio": spent / count * 1e6 / anchor["service_us"],
            }
        return sample


def run(
    turns: int, say: Callable[[str], None], messages: int = MESSAGES, against: Path | None = None
) -> dict[str, Any]:
    """Alternating rounds of the bare handler and of ours on SQLite and MariaDB, of this version and of another one."""
    samples: Samples = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        bare = stack.enter_context(processes.bare())
        mariadb = stack.enter_context(servers.running(MariaDb, folder))
        least = {
            "sqlite": Least(stack.enter_context(processes.durable(f"sqlite:///{folder / 'least.db'}")), None),
            "mariadb": Least(stack.enter_context(processes.durable(mariadb.create_database().url)), mariadb),
        }
        contestants = {
            name: Contestant(service, server)
            for name, service, server in versions.running(stack, folder, mariadb, against)
        }
        bodies = folder / "callbacks"
        for turn in range(-1, turns):  # the first warms up
            for name in list(contestants) if turn % 2 else reversed(contestants):
                bodies.write_bytes(contestants[name].echoes(messages))
                anchor = _bare(bare, bodies, messages)
                floors = least[name.partition(",")[0]].round(bodies, messages, anchor)
                sample = contestants[name].round(bodies, messages)
                sample |= floors | {
                    "bare_us": anchor["service_us"],
                    "ratio": sample["per_second"] / anchor["per_second"],
                    "cpu_ratio": sample["service_us"] / anchor["service_us"],
                }
                if turn >= 0:
                    samples.setdefault(name, []).append(sample)
                    say(f"  round {turn + 1}, {name}: {json.dumps({key: round(sample[key], 2) for key in SHOWN})}")
    medians = {name: rounds.medians(of_contestant) for name, of_contestant in samples.items()}
    return {"medians": medians, "goals": GOALS, "rounds": samples}


SHOWN: Final = (
    "per_second",
    "ratio",
    "cpu_ratio",
    "bare_us",
    *(f"{floor}_{what}" for floor in FLOORS for what in ("us", "mariadb_us", "ratio", "cpu_ratio")),
    "acknowledged_us",
    "service_us",
    "mariadb_us",
    "redo_bytes",
)


def _bare(bare: Watched, bodies: Path, count: int) -> Sample:
    before = bare.cpu_s()
    result = processes.load(bare.url.replace("/send", "/callback"), str(bodies))
    return _sample(result) | {"service_us": (bare.cpu_s() - before) / count * 1e6}


def _sample(result: dict[str, Any]) -> Sample:
    return {name: float(result[name]) for name in ("per_second", "p50_ms", "p99_ms")}


def callback(guid: str, conversation_id: str, provider_message_id: str, app_info_key: str | None) -> bytes:
    """The echo of one message, as an 11010."""
    record = {
        "seq": f"7{provider_message_id}", "id": provider_message_id, "appinfo": app_info_key or "", "sender": SENDER,
        "receiver": conversation_id[2:], "roomid": "0", "sendtime": int(time.time()), "sender_name": "Example Agent",
        "content_type": 2, "referid": "0", "flag": 16_777_216,
        "content": "hello wecom, this is a text message of a normal length, sent to one external contact",
        "at_list": [], "quote_content": "", "quote_appinfo": "", "send_flag": 1, "msg_type": 2,
    }  # fmt: skip
    return _encode({"guid": guid, "notify_type": 11010, "data": record})


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.callbacks", description="Callbacks against a bare handler")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--against", type=Path, help="the src folder of another version")
    arguments = parser.parse_args()
    result = run(arguments.rounds, lambda text: print(text, file=sys.stderr), arguments.messages, arguments.against)
    for name, medians in result["medians"].items():
        print(f"{name}: {json.dumps({key: round(medians[key], 2) for key in SHOWN})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
