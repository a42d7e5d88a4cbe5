"""What traces cost: CPU per message of services that record none, none of those that begin there, a tenth, and all.

    python -m bench.tracing [--rounds 3] [--against src-of-another-version]

The same requests go to each service in turns, on the same core. Accepting is measured with messages that are scheduled, sending with messages that are called
and recorded. The receiver of the spans takes them at once; what encodes and sends them is a thread of the service, and counts.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds
from bench.cores import on_core, services_on_a_core
from bench.processes import Service
from bench.rounds import Sample

PROBABILITIES: Final = {"0": "0", "0.1": "0.1", "1": "1"}
OFF: Final = "off"
BEFORE: Final = "the version before"
REQUESTS: Final = 4_000
"""Of one run, of each kind."""


def run(turns: int, say: Callable[[str], None], against: Path | None = None) -> dict[str, Any]:
    """Medians by state, and the medians of the differences to `OFF` in the same round, in us of CPU per message."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        with on_core(1):
            receiver = stack.enter_context(processes.stub())
        services = stack.enter_context(services_on_a_core(folder, _states(receiver, against)))
        samples = rounds.in_turns(services, turns, lambda state: _sample(services[state]), say)
    return {
        "states": rounds.medians_of(samples),
        "more": {
            state: {key: rounds.difference(samples, key, state, OFF) for key in ("accept_us", "send_us")}
            for state in samples
            if state != OFF
        },
    }


def _states(receiver: str, against: Path | None) -> Mapping[str, Mapping[str, str]]:
    endpoint = {"MANAGEMENT_OTLP_TRACING_ENDPOINT": f"{receiver}/v1/traces"}
    traced = {
        name: endpoint | {"MANAGEMENT_TRACING_SAMPLING_PROBABILITY": probability}
        for name, probability in PROBABILITIES.items()
    }
    before = {} if against is None else {BEFORE: {"PYTHONPATH": str(against.resolve())}}
    return {OFF: {}, **before, **traced}


def _sample(service: Service) -> Sample:
    before = service.cpu_s()
    accepted = processes.load(service.send_url, "scheduled", count=REQUESTS)["answers"]
    between = service.cpu_s()
    sent = processes.load(service.send_url, "send", count=REQUESTS)["answers"]
    processes.until_none(service.queries, _UNSENT)
    after = service.cpu_s()
    return {
        "accept_us": round((between - before) / accepted * 1e6, 1),
        "send_us": round((after - between) / sent * 1e6, 1),
    }


_UNSENT: Final = "SELECT EXISTS(SELECT 1 FROM wm_message WHERE status IN ('QUEUED', 'SENDING', 'HELD', 'RETRY_WAIT'))"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.tracing", description="What traces cost")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="the src folder of another version, which records nothing")
    arguments = parser.parse_args()
    result = run(arguments.rounds, lambda text: print(text, file=sys.stderr, flush=True), arguments.against)
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
