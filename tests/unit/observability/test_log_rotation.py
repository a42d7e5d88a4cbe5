import fcntl
import gzip
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wework_message.adapters.observability.log_file import REOPEN_S, FileTarget
from wework_message.adapters.observability.old_logs import OldLogs, Rotation

DAY = 86_400
NOON = 20_787 * DAY + DAY / 2
"""2026-11-30, UTC."""


class Folder:
    """A log in a folder of the test, with a clock."""

    def __init__(self, path: Path) -> None:
        self.path = path / "logs" / "service.log"
        self.now = NOON
        self.errors: list[OSError] = []
        self._targets: list[FileTarget] = []

    def target(self, clock: Callable[[], float] = lambda: 0.0, **limits: int) -> FileTarget:
        old_logs = self.old_logs(**limits)
        target = FileTarget(self.path, self.errors.append, old_logs=old_logs, on_full=self.errors.append, clock=clock)
        self._targets.append(target)
        return target

    def old_logs(self, **limits: int) -> OldLogs:
        return OldLogs(self.path, Rotation(**limits), now=lambda: self.now, start=lambda work: work())

    def written_at(self, seconds: float) -> None:
        """As if the last line was written then."""
        os.utime(self.path, (seconds, seconds))

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())

    def lines(self) -> list[bytes]:
        """Of all files."""
        read = [
            gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in self.files()
        ]
        return b"".join(read).splitlines()

    def files(self) -> list[Path]:
        return sorted(self.path.parent.iterdir())

    def close(self) -> None:
        for target in self._targets:
            target.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path)
    yield folder
    folder.close()


def test_a_file_at_its_size_gets_the_name_of_its_day_and_is_packed(folder: Folder) -> None:
    target = folder.target(max_bytes=10)
    for number in range(5):
        target.write(b"line %d\n" % number)
        folder.written_at(NOON)
    assert folder.names() == [
        "service.log",
        *[f"service.log.2026-11-30.{number}.gz" for number in range(4)],
    ]
    assert folder.path.read_bytes() == b"line 4\n"
    assert sorted(folder.lines()) == [b"line %d" % number for number in range(5)]
    assert folder.errors == []


def test_a_batch_that_fits_stays_in_its_file(folder: Folder) -> None:
    target = folder.target(max_bytes=14)
    target.write(b"line 0\n")
    folder.written_at(NOON)
    target.write(b"line 1\n")
    assert folder.names() == ["service.log"]


def test_a_new_day_is_a_new_file_however_small(folder: Folder) -> None:
    target = folder.target()
    target.write(b"yesterday\n")
    folder.written_at(NOON)
    folder.now += DAY / 2
    target.write(b"today\n")
    assert folder.names() == ["service.log", "service.log.2026-11-30.0.gz"]
    assert folder.path.read_bytes() == b"today\n"


def test_a_file_of_an_earlier_process_is_renamed_with_its_own_day(folder: Folder) -> None:
    folder.path.parent.mkdir()
    folder.path.write_bytes(b"old\n")
    folder.written_at(NOON - 3 * DAY)
    folder.target().write(b"new\n")
    assert folder.names() == ["service.log", "service.log.2026-11-27.0.gz"]


def test_a_clock_that_is_set_back_rotates_nothing(folder: Folder) -> None:
    target = folder.target()
    target.write(b"a\n")
    folder.written_at(NOON)
    folder.now -= 3 * DAY
    target.write(b"b\n")
    assert folder.names() == ["service.log"]


def test_files_that_are_too_old_or_too_many_are_deleted_the_oldest_first(folder: Folder) -> None:
    folder.path.parent.mkdir()
    sizes = {"2026-11-22.0": 10, "2026-11-23.0": 40, "2026-11-29.0": 40, "2026-11-30.2": 40, "2026-11-30.10": 40}
    for name, size in sizes.items():
        folder.path.with_name(f"service.log.{name}.gz").write_bytes(b"x" * size)
    for other in (
        "service.log.1",
        "service.log-20261122",
        "other.log.2026-11-01.0.gz",
        "service.log.2026-11-01.0.gz.bak",
    ):
        folder.path.with_name(other).write_bytes(b"x" * 1000)
    folder.old_logs(max_days=7, total_bytes=160).tidy()
    assert folder.names() == [
        "other.log.2026-11-01.0.gz", "service.log-20261122", "service.log.1", "service.log.2026-11-01.0.gz.bak",
        "service.log.2026-11-23.0.gz", "service.log.2026-11-29.0.gz", "service.log.2026-11-30.10.gz", "service.log.2026-11-30.2.gz",
    ]  # fmt: skip
    folder.old_logs(max_days=0, total_bytes=80).tidy()
    assert [name for name in folder.names() if name.endswith("gz") and name.startswith("service")] == [
        "service.log.2026-11-30.10.gz", "service.log.2026-11-30.2.gz",
    ]  # fmt: skip


def test_no_limits_delete_nothing(folder: Folder) -> None:
    folder.path.parent.mkdir()
    folder.path.with_name("service.log.1999-01-01.0.gz").write_bytes(b"x")
    folder.old_logs(max_days=0, total_bytes=0).tidy()
    assert folder.names() == ["service.log.1999-01-01.0.gz"]


def test_what_a_killed_process_left_unpacked_is_packed(folder: Folder) -> None:
    folder.path.parent.mkdir()
    left = folder.path.with_name("service.log.2026-11-30.0")
    left.write_bytes(b"line\n")
    left.with_name(f"{left.name}.gz.part").write_bytes(b"half of it")
    folder.old_logs().tidy()
    assert folder.names() == [f"{left.name}.gz"]
    assert folder.lines() == [b"line"]


def test_the_new_file_and_the_packed_one_keep_the_mode(folder: Folder) -> None:
    folder.path.parent.mkdir()
    folder.path.touch()
    folder.path.chmod(0o640)
    target = folder.target(max_bytes=1)
    target.write(b"a\n")
    target.write(b"b\n")
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.files()] == [0o640, 0o640]


def test_a_link_stays_a_link(folder: Folder) -> None:
    folder.path.parent.mkdir()
    real = folder.path.parent.parent / "real.log"
    folder.path.symlink_to(real)
    target = folder.target(max_bytes=1)
    target.write(b"a\n")
    target.write(b"b\n")
    assert folder.path.is_symlink()
    assert real.read_bytes() == b"b\n"


def test_what_is_no_file_is_never_renamed(folder: Folder) -> None:
    target = FileTarget(
        Path(os.devnull), folder.errors.append, old_logs=OldLogs(Path(os.devnull), Rotation(max_bytes=1))
    )
    target.write(b"a\n")
    target.write(b"b\n")
    target.close()
    assert not Path(os.devnull).is_file()
    assert folder.errors == []


def test_a_file_that_cannot_be_renamed_grows_is_reported_once_and_tried_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [0.0]
    target = folder.target(lambda: times[0], max_bytes=1)
    tries: list[Path] = []

    def refuse(path: Path, _target: Path) -> None:
        tries.append(path)
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        for _ in range(5):
            target.write(b"line\n")
        times[0] += REOPEN_S
        target.write(b"line\n")
    assert len(tries) == 2
    assert [error.errno for error in folder.errors] == [13]
    assert folder.path.read_bytes() == b"line\n" * 6
    times[0] += REOPEN_S
    target.write(b"next\n")
    assert folder.path.read_bytes() == b"next\n"


def test_where_there_is_no_room_for_a_thread_the_next_file_is_packed_with_this_one(folder: Folder) -> None:
    rooms = iter((False, True))

    def start(work: Callable[[], None]) -> None:
        if not next(rooms):
            raise RuntimeError("can't start new thread")
        work()

    old_logs = OldLogs(folder.path, Rotation(max_bytes=1), now=lambda: folder.now, start=start)
    target = FileTarget(folder.path, folder.errors.append, old_logs=old_logs)
    for line in (b"a\n", b"b\n", b"c\n"):
        target.write(line)
    target.close()
    assert [name.rpartition(".")[2] for name in folder.names()] == ["log", "gz", "gz"]
    assert sorted(folder.lines()) == [b"a", b"b", b"c"]
    assert folder.errors == []


@pytest.mark.parametrize("ahead", [3 * DAY, 3_000_000 * DAY], ids=["days", "beyond-the-calendar"])
def test_a_file_of_the_future_is_of_today(folder: Folder, ahead: float) -> None:
    target = folder.target(max_bytes=1)
    target.write(b"a\n")
    folder.written_at(NOON + ahead)
    target.write(b"b\n")
    assert folder.names() == ["service.log", "service.log.2026-11-30.0.gz"]
    assert folder.errors == []


def test_the_packed_file_and_the_new_one_keep_the_group(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder.target(max_bytes=1)
    target.write(b"a\n")
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(
        "wework_message.adapters.observability.old_logs.os.fchown", lambda _file, *owner: owners.append(owner)
    )
    target.write(b"b\n")
    assert owners == [(-1, folder.path.stat().st_gid)] * 2


def test_a_folder_without_locks_is_written_and_rotated(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("wework_message.adapters.observability.log_file.fcntl.flock", refuse)
    target = folder.target(max_bytes=1)
    target.write(b"a\n")
    target.write(b"b\n")
    assert sorted(folder.lines()) == [b"a", b"b"]


def test_logrotate_may_move_the_file_at_any_time(folder: Folder) -> None:
    target = folder.target(max_bytes=100)
    target.write(b"a\n")
    folder.path.rename(folder.path.with_name("service.log.1"))
    target.write(b"b\n")
    assert folder.names() == ["service.log", "service.log.1"]
    assert folder.path.read_bytes() == b"b\n"


def test_many_writers_of_one_file_rotate_it_and_lose_no_line(folder: Folder) -> None:
    """A lock belongs to the opened file, not to the process: threads with files of their own are like processes."""
    writers, count = 4, 60
    targets = [folder.target(max_bytes=200) for _ in range(writers)]

    def write(name: int) -> None:
        for number in range(count):
            targets[name].write(b"%d-%03d\n" % (name, number) * 2)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(folder.lines()) == sorted(
        b"%d-%03d" % (name, n) for name in range(writers) for n in range(count) for _ in range(2)
    )
    assert len(folder.names()) > 10
    assert folder.errors == []
    sizes = [len(gzip.decompress(file.read_bytes())) for file in folder.files() if file.suffix == ".gz"]
    assert max(sizes) <= 200 + 12 * (writers - 1)  # each may have looked before the others wrote


def test_a_writer_that_opened_the_file_before_another_renamed_it_writes_into_the_new_one(folder: Folder) -> None:
    slow, quick = folder.target(max_bytes=1000), folder.target(max_bytes=1)
    slow.write(b"a\n")
    quick.write(b"b\n")
    slow.write(b"c\n")
    assert folder.path.read_bytes() == b"b\nc\n"


def test_the_archive_is_made_in_a_thread_of_its_own(tmp_path: Path) -> None:
    path, names = tmp_path / "x.log", []
    old_logs = OldLogs(path, Rotation(max_bytes=1))
    tidied = threading.Event()

    def tidy() -> None:
        names.append(threading.current_thread().name)
        tidied.set()

    old_logs.tidy = tidy  # type: ignore[method-assign]  # its work is tested above
    old_logs.tidy_soon()
    assert tidied.wait(20)
    assert names == ["log-archive"]


def before_the_lock(monkeypatch: pytest.MonkeyPatch, operation: int, act: Callable[[], None]) -> None:
    """Call `act` once, when a target is about to take this lock."""
    lock = fcntl.flock
    done: list[int] = []

    def flock(descriptor: int, kind: int) -> None:
        if kind == operation and not done:
            done.append(kind)
            act()
        lock(descriptor, kind)

    monkeypatch.setattr("wework_message.adapters.observability.log_file.fcntl.flock", flock)


def test_a_file_that_is_renamed_before_the_lock_gets_no_line(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = folder.target(max_bytes=1000), folder.target(max_bytes=1)
    slow.write(b"a\n")
    before_the_lock(monkeypatch, fcntl.LOCK_SH, lambda: quick.write(b"b\n"))
    slow.write(b"c\n")
    assert folder.path.read_bytes() == b"b\nc\n"
    assert sorted(folder.lines()) == [b"a", b"b", b"c"]


def test_a_file_that_another_process_renames_first_is_not_renamed_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = folder.target(max_bytes=5), folder.target(max_bytes=5)
    first.write(b"aaaa\n")
    before_the_lock(monkeypatch, fcntl.LOCK_EX, lambda: second.write(b"b\n"))
    first.write(b"c\n")
    assert folder.path.read_bytes() == b"b\nc\n"
    assert len(folder.names()) == 2


def test_a_rotation_waits_for_who_writes(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder.target(max_bytes=1)
    target.write(b"a\n")
    waits = threading.Event()
    before_the_lock(monkeypatch, fcntl.LOCK_EX, waits.set)
    with folder.path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        rotating = threading.Thread(target=target.write, args=(b"b\n",))
        rotating.start()
        assert waits.wait(20)
        assert folder.names() == ["service.log"]
        other.write(b"late\n")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_UN)
        rotating.join(20)
    assert sorted(folder.lines()) == [b"a", b"b", b"late"]
    assert folder.path.read_bytes() == b"b\n"


def test_who_never_waits_writes_while_another_process_has_the_file(folder: Folder) -> None:
    target = FileTarget(folder.path, folder.errors.append, waits=False)
    target.write(b"a\n")
    with folder.path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writing = threading.Thread(target=target.write, args=(b"b\n",), daemon=True)
        writing.start()
        writing.join(20)
        assert folder.path.read_bytes() == b"a\nb\n"
    target.close()


def test_a_number_is_not_given_again_where_the_listing_missed_its_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder.target(max_bytes=1)
    target.write(b"a\n")
    for number, form in enumerate(("", ".gz")):
        folder.path.with_name(f"service.log.2026-11-30.{number}{form}").write_bytes(gzip.compress(b"kept\n"))
    folder.written_at(NOON)
    monkeypatch.setattr(OldLogs, "_kept", lambda _self: iter(()))
    target.write(b"b\n")
    assert folder.path.with_name("service.log.2026-11-30.2").read_bytes() == b"a\n"


def test_what_another_process_packs_is_left_to_it(folder: Folder) -> None:
    folder.path.parent.mkdir()
    left = folder.path.with_name("service.log.2026-11-30.0")
    left.write_bytes(b"line\n")
    with left.with_name(f"{left.name}.gz.part").open("wb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        folder.old_logs().tidy()
        assert folder.names() == [left.name, f"{left.name}.gz.part"]
    folder.old_logs().tidy()
    assert folder.names() == [f"{left.name}.gz"]


def test_a_full_disk_keeps_the_unpacked_file(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.path.parent.mkdir()
    left = folder.path.with_name("service.log.2026-11-30.0")
    left.write_bytes(b"line\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wework_message.adapters.observability.old_logs.os.fsync", full)
    folder.old_logs().tidy()
    assert folder.names() == [left.name]
