"""The program of a child process: looks at files of strangers, one after the other, and may die of one.

Requests come on its standard input, answers go to its standard output. It ends at the end of its input, so with its parent.
"""

import contextlib
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from wework_message.adapters.media.looking import Reader, all_readers, look
from wework_message.adapters.media.protocol import (
    CPU_S,
    LIBRARY_BYTES,
    MEMORY_BYTES,
    READY,
    WALL_S,
    Answer,
    SeenFields,
    line_of,
    request_of,
)
from wework_message.domain.ports.media_inspector import MediaDefectError

_UNKNOWN_ADDRESS_SPACE: Final = 2 * 1024**3


def main() -> None:
    """Serve until the input ends."""
    with os.fdopen(os.dup(0), "rb", buffering=0) as requests, os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)  # a library that prints does not answer
        readers = all_readers()
        _limit_process()
        answers.write(READY)
        while line := requests.readline():
            _limit_request()
            answers.write(line_of(_answer(line, readers)))
            signal.alarm(0)


def _answer(line: bytes, readers: Mapping[str, Reader]) -> Answer:
    do, path = request_of(line)
    try:
        with path.open("rb") as file:
            return _drawn(file) if do == "preview" else _inspected(file, readers)
    except OSError:
        return Answer(missing=True)


def _drawn(file: BinaryIO) -> Answer:
    try:
        from wework_message.adapters.media.videos import preview  # noqa: PLC0415 -- the library may not be installed
    except ImportError:
        return Answer()
    return Answer(preview=preview(file))


def _inspected(file: BinaryIO, readers: Mapping[str, Reader]) -> Answer:
    try:
        seen = look(file, readers)
    except (MediaDefectError, MemoryError):
        return Answer(defect=True)
    return Answer(seen=SeenFields(seen.mime_type, seen.width, seen.height, seen.duration_ms))


def _limit_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    with contextlib.suppress(OSError):
        os.nice(5)  # sends come first
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(
            "1000"
        )  # where memory is short, the kernel ends this one and not the service
    memory = _address_space() + LIBRARY_BYTES + MEMORY_BYTES
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),  # a dump would keep what a client sent
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        with contextlib.suppress(OSError, ValueError):  # a system without it, or a lower limit already
            resource.setrlimit(limit, (value, value))


def _limit_request() -> None:
    """The parent ends what takes too long; these are for a parent that is gone."""
    signal.alarm(int(WALL_S) + 5)
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + 1 + CPU_S
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with contextlib.suppress(OSError, ValueError):  # a lower limit already
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def _address_space() -> int:
    """Bytes that are mapped now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return _UNKNOWN_ADDRESS_SPACE


if __name__ == "__main__":
    main()
