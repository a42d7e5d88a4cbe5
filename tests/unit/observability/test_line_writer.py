import errno
import io
import os
import threading
from pathlib import Path

import pytest

from wework_message.adapters.observability.line_writer import LineWriter, StreamTarget
from wework_message.adapters.observability.log_file import REOPEN_S, FileTarget

PATIENCE_S = 20.0


class Gate:
    """A target that blocks until `opened` is set."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.written = b""
        self.closed = False

    def write(self, batch: bytes) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE_S)
        self.written += batch

    def close(self) -> None:
        self.closed = True


def lost(count: int) -> bytes:
    return f"lost {count}\n".encode()


def test_a_target_that_hangs_costs_lines_and_never_blocks() -> None:
    gate = Gate()
    writer = LineWriter([gate], lost, capacity=3)
    writer.start()
    writer.put(b"first\n")
    assert gate.reached.wait(PATIENCE_S)
    for number in range(10):
        writer.put(f"{number}\n".encode())
    assert writer.dropped == 7
    gate.opened.set()
    assert writer.close(PATIENCE_S)
    assert gate.written == b"first\n0\n1\n2\nlost 7\n"


def test_a_target_that_raises_costs_a_batch_and_the_next_one_says_so() -> None:
    written: list[bytes] = []

    class Broken(Gate):
        def write(self, batch: bytes) -> None:
            written.append(batch)
            if len(written) < 3:
                raise LookupError("a defect")

    writer = LineWriter([Broken()], lost)
    writer.start()
    for number in range(3):
        writer.put_all([b"%d\n" % number] * 2)
        assert writer.flush(PATIENCE_S)
    assert writer.close(PATIENCE_S)
    assert written == [b"0\n0\n", b"1\n1\nlost 2\n", b"2\n2\nlost 4\n"]


def test_a_target_that_hangs_keeps_no_other_from_being_written(tmp_path: Path) -> None:
    gate, path = Gate(), tmp_path / "x.log"
    writer = LineWriter([gate, FileTarget(path, fail)], lost)
    writer.start()
    writer.put(b"first\n")
    assert gate.reached.wait(PATIENCE_S)
    writer.put(b"second\n")
    assert not writer.close(0.01)
    writer._queues[1].close(PATIENCE_S)
    assert path.read_bytes() == b"first\nsecond\n"
    gate.opened.set()


def test_a_flush_waits_until_the_lines_so_far_are_written() -> None:
    gate = Gate()
    writer = LineWriter([gate], lost)
    writer.start()
    writer.put(b"first\n")
    assert gate.reached.wait(PATIENCE_S)
    writer.put(b"second\n")
    assert not writer.flush(0.01)
    gate.opened.set()
    assert writer.flush(PATIENCE_S)
    assert gate.written == b"first\nsecond\n"
    assert writer.close(PATIENCE_S)


def test_a_stream_that_takes_parts_gets_every_byte() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    received = bytearray()

    def read() -> None:
        while part := os.read(reading, 4_096):
            received.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    batch = b"".join(b"line %d\n" % number for number in range(50_000))
    with io.FileIO(writing, "wb") as stream:
        StreamTarget(stream).write(batch)
    reader.join(PATIENCE_S)
    os.close(reading)
    assert bytes(received) == batch


def test_a_full_disk_costs_a_batch_and_not_the_target() -> None:
    class FullOnce(io.BytesIO):
        full = True

        def write(self, data: memoryview, /) -> int:  # type: ignore[override]  # the one kind of data it gets
            if self.full:
                self.full = False
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    stream = FullOnce()
    target = StreamTarget(stream)
    target.write(b"lost\n")
    target.write(b"kept\n")
    assert stream.getvalue() == b"kept\n"


def test_close_writes_all_queued_lines_and_closes_the_targets() -> None:
    stream, gate = io.BytesIO(), Gate()
    gate.opened.set()
    writer = LineWriter([StreamTarget(stream), gate], lost)
    writer.start()
    lines = [f"{number}\n".encode() for number in range(5_000)]
    for line in lines:
        writer.put(line)
    assert writer.close(PATIENCE_S)
    assert stream.getvalue() == gate.written == b"".join(lines)
    assert gate.closed
    assert not stream.closed


def test_lines_that_were_put_before_the_start_are_written() -> None:
    stream = io.BytesIO()
    writer = LineWriter([StreamTarget(stream)], lost)
    writer.put(b"last words\n")
    writer.start()
    assert writer.close(PATIENCE_S)
    assert stream.getvalue() == b"last words\n"


def test_every_line_of_several_threads_is_written_once_and_in_the_order_of_its_thread() -> None:
    stream = io.BytesIO()
    writer = LineWriter([StreamTarget(stream)], lost)
    writer.start()

    def put_lines(thread_number: int) -> None:
        for number in range(2_000):
            writer.put(f"{thread_number} {number}\n".encode())

    threads = [threading.Thread(target=put_lines, args=(thread_number,)) for thread_number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.close(PATIENCE_S)
    lines = stream.getvalue().decode().splitlines()
    for thread_number in range(4):
        assert [line for line in lines if line.startswith(f"{thread_number} ")] == [
            f"{thread_number} {number}" for number in range(2_000)
        ]


def test_a_line_wakes_a_writer_that_sleeps() -> None:
    gate = Gate()
    gate.opened.set()
    writer = LineWriter([gate], lost)
    writer.start()
    for line in (b"one\n", b"two\n"):
        gate.reached.clear()
        writer.put(line)
        assert gate.reached.wait(PATIENCE_S)
    writer.close(PATIENCE_S)


def test_close_gives_up_on_a_target_that_hangs() -> None:
    gate = Gate()
    writer = LineWriter([gate], lost)
    writer.start()
    writer.put(b"line\n")
    assert gate.reached.wait(PATIENCE_S)
    assert not writer.close(0.01)
    gate.opened.set()
    assert writer.close(PATIENCE_S)


def test_lines_after_the_close_take_no_memory() -> None:
    stream = io.BytesIO()
    writer = LineWriter([StreamTarget(stream)], lost)
    writer.start()
    writer.close(PATIENCE_S)
    writer.put(b"late\n")
    assert writer.dropped == 1
    assert stream.getvalue() == b""


def test_a_closed_pipe_ends_only_its_own_target() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    broken = io.BufferedWriter(io.FileIO(writing, "wb"), 1)
    target = StreamTarget(broken)
    target.write(b"line\n" * 100)
    target.write(b"line\n")
    broken.raw.close()
    closed = io.BytesIO()
    closed.close()
    StreamTarget(closed).write(b"line\n")


def test_a_closed_target_writes_nothing_and_leaves_its_stream_open() -> None:
    stream = io.BytesIO()
    target = StreamTarget(stream)
    target.close()
    target.write(b"late\n")
    assert stream.getvalue() == b""  # a closed stream would raise


def fail(error: OSError) -> None:
    raise AssertionError(error)


def test_after_a_move_of_the_file_a_new_one_is_opened(tmp_path: Path) -> None:
    path, old = tmp_path / "logs" / "x.log", tmp_path / "logs" / "x.log.1"
    target = FileTarget(path, fail)
    target.write(b"one\n")
    path.rename(old)
    target.write(b"two\n")
    path.unlink()
    target.write(b"three\n")
    target.close()
    assert old.read_bytes() == b"one\n"
    assert path.read_bytes() == b"three\n"
    assert path.stat().st_mode & 0o007 == 0


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"before\n")
    first, second = FileTarget(path, fail), FileTarget(path, fail)
    first.write(b"one\n")
    second.write(b"other\n")
    first.write(b"again\n")
    first.close()
    second.close()
    assert path.read_bytes() == b"before\none\nother\nagain\n"


def test_an_unwritable_file_is_reported_once_and_tried_again(tmp_path: Path) -> None:
    errors: list[OSError] = []
    now = [0.0]
    blocker = tmp_path / "logs"
    blocker.write_text("a file where a folder should be")
    target = FileTarget(blocker / "x.log", errors.append, clock=lambda: now[0])
    for _ in range(3):
        target.write(b"lost\n")
        now[0] += REOPEN_S
    assert len(errors) == 1
    blocker.unlink()
    target.write(b"back\n")
    target.close()
    assert (blocker / "x.log").read_bytes() == b"back\n"


def test_between_two_tries_nothing_is_written(tmp_path: Path) -> None:
    now = [0.0]
    blocker = tmp_path / "logs"
    blocker.write_text("in the way")
    target = FileTarget(blocker / "x.log", lambda _error: None, clock=lambda: now[0])
    target.write(b"lost\n")
    blocker.unlink()
    target.write(b"lost\n")
    assert not blocker.exists()
    now[0] = REOPEN_S
    target.write(b"back\n")
    target.close()
    assert (blocker / "x.log").read_bytes() == b"back\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_raises_nothing() -> None:
    errors: list[OSError] = []
    target = FileTarget(Path("/dev/full"), errors.append)
    target.write(b"line\n")
    assert [error.strerror for error in errors] == ["No space left on device"]
