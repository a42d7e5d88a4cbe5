"""A supervisor with workers that do nothing, as a program: ``python -m tests.support.processes.supervised WORKERS [FIRST]``.

Each worker opens and waits to be ended. With FIRST the first one ends with that exit code before it opens.
The lines of the supervisor are its output.
"""

import json
import signal
import sys
from collections.abc import Mapping

from wework_message.bootstrap.workers.messages import Opened, framed
from wework_message.bootstrap.workers.supervisor import Supervisor


class Printed:
    """Lines on the standard output."""

    def line(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        print(json.dumps({"level": level, "event": event, **fields}), flush=True)  # noqa: T201 - the program's output

    def flush(self) -> None:
        """Nothing waits."""


def main() -> int:
    outcome = Supervisor(int(sys.argv[1]), Printed()).run()
    if isinstance(outcome, int):
        return outcome
    if len(sys.argv) > 2:
        return int(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    outcome.end.sendall(framed(Opened()))
    while outcome.end.recv(4096):
        pass
    return 0


if __name__ == "__main__":
    signal.alarm(60)
    sys.exit(main())
