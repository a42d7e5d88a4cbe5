"""Processes that write to one stream in turns."""

import fcntl
import os
import signal
from collections.abc import Iterator

import pytest

from wework_message.adapters.observability.turns import MAX_WAITING_LINES, PatientLines, TurnTarget


class Recorder:
    def __init__(self, turn: int) -> None:
        self.batches: list[bytes] = []
        self._turn = turn

    def write(self, batch: bytes) -> None:
        assert not _others_may_lock(self._turn)
        self.batches.append(batch)

    def close(self) -> None:
        self.batches.append(b"closed")


@pytest.fixture
def turn() -> Iterator[int]:
    descriptor = os.memfd_create("turn")
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_NONBLOCK)
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def other(turn: int) -> Iterator[int]:
    """A process that has the turn until it is killed."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        fcntl.lockf(turn, fcntl.LOCK_EX)
        os.write(write_end, b"!")
        signal.pause()
        os._exit(0)
    os.read(read_end, 1)
    os.close(read_end)
    os.close(write_end)
    yield pid
    _end(pid)


def test_a_batch_is_written_and_the_turn_given_back(turn: int) -> None:
    recorder = Recorder(turn)
    target = TurnTarget(recorder, turn)
    target.write(b"one\n")
    target.write(b"two\n")
    target.close()
    assert recorder.batches == [b"one\n", b"two\n", b"closed"]
    assert _others_may_lock(turn)


def test_a_line_waits_while_another_process_has_the_turn(turn: int, pipe: tuple[int, int], other: int) -> None:
    lines = PatientLines(pipe[1], turn)
    lines.put(b"line\n")
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 100)
    _end(other)
    lines.flush()
    assert os.read(pipe[0], 100) == b"line\n"
    assert _others_may_lock(turn)


def test_a_reader_that_is_away_never_blocks_and_costs_the_oldest_lines(turn: int, pipe: tuple[int, int]) -> None:
    lines = PatientLines(pipe[1], turn)
    filled = 0
    while True:
        try:
            filled += os.write(pipe[1], b"x" * 4096)
        except BlockingIOError:
            break
    for number in range(MAX_WAITING_LINES + 1):
        lines.put(b"%d\n" % number)
    assert len(os.read(pipe[0], filled)) == filled
    lines.flush()
    assert os.read(pipe[0], 4).startswith(b"1\n")


def test_a_closed_pipe_ends_the_lines_only(turn: int) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    lines = PatientLines(write_end, turn)
    lines.put(b"line\n")
    lines.put(b"line\n")
    os.close(write_end)
    assert _others_may_lock(turn)


def _others_may_lock(turn: int) -> bool:
    """Asked in a child: the lock is one of processes."""
    pid = os.fork()
    if pid == 0:
        try:
            fcntl.lockf(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return
