"""A child that does what the name of the file says."""

import base64
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

SEEN = json.dumps({"seen": {"mime_type": "text/plain", "width": os.getpid()}})
ANSWERS = {
    "long": SEEN + " " * 5_000_000,
    "garbage": "\x00 no JSON",
    "wrong-type": '{"seen": {"mime_type": "text/html\\nx: y"}}',
    "wrong-size": '{"seen": {"mime_type": "image/png", "width": -1}}',
    "environment": json.dumps({"preview": base64.b64encode(json.dumps(dict(os.environ)).encode()).decode()}),
}


def end(output: str = "") -> None:
    os.write(1, output.encode())
    os._exit(1)


def die_once(path: Path) -> None:
    if not path.exists():
        path.touch()
        end()


def pour() -> None:
    while True:
        os.write(1, b"x" * 65_536)


ACTIONS: dict[str, Callable[[Path], object]] = {
    "hang": lambda _: signal.pause(),
    "spin": lambda _: os.kill(os.getpid(), signal.SIGXCPU),
    "die": lambda _: end(),
    "die-once": die_once,
    "half": lambda _: end('{"seen": {"mime'),
    "last": lambda _: end(SEEN + "\n"),
    "endless": lambda _: pour(),
}


if __name__ == "__main__":
    os.write(1, sys.argv[1].encode() + b"\n")
    for line in sys.stdin:
        path = Path(json.loads(line)["path"])
        ACTIONS.get(path.name, str)(path)
        os.write(1, ANSWERS.get(path.name, SEEN).encode() + b"\n")
