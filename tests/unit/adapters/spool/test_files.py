"""Files of the spool: private, damaged ones kept, a full disk survived."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread, current_thread

import pytest
from tests.contracts.spool_contract import an_answer

from wework_message.adapters.private_files import open_file
from wework_message.adapters.spool import files
from wework_message.adapters.spool.files import DAMAGED_SUFFIX, FileAnswerSpool


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_nothing_is_made_before_the_first_answer_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = FileAnswerSpool(folder)
    assert list(await spool.take_over()) == []
    assert not folder.exists()
    await spool.keep(an_answer())
    (file,) = files_in(folder)
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    await spool.close()
    await spool.close()
    assert file.exists()


async def test_a_damaged_file_is_kept_aside_once_the_rest_is_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = (FileAnswerSpool(tmp_path) for _ in range(3))
    answers = [an_answer(), an_answer()]
    for answer in answers:
        await first.keep(answer)
    await first.close()
    (file,) = files_in(tmp_path)
    data = bytearray(file.read_bytes())
    data[30] ^= 1
    file.write_bytes(data)
    assert list(await second.take_over()) == answers[1:]
    await second.forget(answers[1])
    assert [path.suffix for path in files_in(tmp_path)] == [DAMAGED_SUFFIX]
    assert "1 damaged" in caplog.text
    assert list(await third.take_over()) == []
    await second.close()


async def test_a_full_disk_keeps_nothing_of_the_answer_and_what_follows_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool, next_one = FileAnswerSpool(tmp_path), FileAnswerSpool(tmp_path)
    before, refused, after = an_answer(), an_answer(), an_answer()
    assert await spool.keep(before)
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data[:100])

    with monkeypatch.context() as full:
        full.setattr(os, "write", half)
        assert not await spool.keep(refused)
    assert "in memory only" in caplog.text
    assert await spool.keep(after)
    await spool.close()
    assert list(await next_one.take_over()) == [before, after]
    await next_one.close()


async def test_a_torn_record_that_cannot_be_taken_back_is_followed_by_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    spool, next_one = FileAnswerSpool(tmp_path), FileAnswerSpool(tmp_path)
    before, after = an_answer(), an_answer()
    assert await spool.keep(before)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fails)
        broken.setattr(os, "ftruncate", fails)
        assert not await spool.keep(an_answer())
    assert await spool.keep(after)
    assert (spool.waiting, len(files_in(tmp_path))) == (2, 2)
    await spool.close()
    taken = await next_one.take_over()
    assert {before, after} <= set(taken)
    await next_one.close()


async def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = FileAnswerSpool(tmp_path / "file" / "spool")
    assert not await spool.keep(an_answer())
    await spool.close()


async def test_the_loop_never_asks_the_disk_which_may_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[Thread] = []
    for name in ("exists", "iterdir"):
        ask = getattr(Path, name)

        def noted(path: Path, ask: Callable[[Path], object] = ask) -> object:
            threads.append(current_thread())
            return ask(path)

        monkeypatch.setattr(Path, name, noted)
    spool = FileAnswerSpool(tmp_path / "spool")
    assert list(await spool.take_over()) == []
    await spool.keep(an_answer())
    assert list(await spool.take_over()) == []
    await spool.close()
    assert threads
    assert current_thread() not in threads


async def test_a_new_file_that_another_process_has_locked_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped between its lock and its look."""
    locks: list[int] = []

    def found_first(path: Path, flags: int) -> int:
        descriptor = open_file(path, flags)
        if not locks:
            locks.append(os.open(path, os.O_RDONLY))
            fcntl.flock(locks[0], fcntl.LOCK_EX)
        return descriptor

    monkeypatch.setattr(files, "open_file", found_first)
    spool = FileAnswerSpool(tmp_path)
    assert await spool.keep(an_answer())
    assert len(files_in(tmp_path)) == 2
    os.close(locks[0])
    await spool.take_over()
    assert len(files_in(tmp_path)) == 1
    await spool.close()


async def test_the_names_of_new_folders_are_durable_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synchronised: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synchronised.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    spool = FileAnswerSpool(tmp_path / "var" / "spool")
    await spool.keep(an_answer())
    assert synchronised == [tmp_path.name, "var", "spool"]
    await spool.close()


async def test_a_file_that_cannot_be_read_is_left_and_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> bytes:
        raise OSError(errno.EIO, "broken")

    first, second = FileAnswerSpool(tmp_path), FileAnswerSpool(tmp_path)
    answer = an_answer()
    await first.keep(answer)
    await first.close()
    with monkeypatch.context() as broken:
        broken.setattr(files, "_content", fails)
        assert [list(await second.take_over()) for _ in range(2)] == [[], []]
    assert caplog.text.count("a file of the spool cannot be read") == 1
    assert list(await second.take_over()) == [answer]
    (file,) = files_in(tmp_path)
    await second.forget(answer)
    file.symlink_to(tmp_path / "elsewhere")
    assert list(await second.take_over()) == []
    assert "a file of the spool cannot be read" in caplog.text
    await second.close()
