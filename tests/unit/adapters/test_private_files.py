"""What the service creates is for its own user only, whatever the umask is."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from wework_message.adapters.observability.log_file import FileTarget
from wework_message.adapters.private_files import exists, make_file, make_folder, no_folder, open_file, take_from_others
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.sqlite.checks import ReadOnlyFile, sqlite_checks
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.demo.processes import Child
from wework_message.domain.ports.checks import Finding, Verdict
from wework_message.simulator.ledger import Ledger


@pytest.fixture(params=[0o000, 0o022, 0o777], ids="{:04o}".format)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Below `folder`: path -> mode."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def fail(error: OSError) -> None:
    raise AssertionError(error)


async def rights(path: Path) -> Finding:
    checks = {check.name: check for check in sqlite_checks(ReadOnlyFile(path), path, auto_migrate=True)}
    return await checks["database.rights"].ask()


@pytest.mark.usefixtures("umask")
async def test_a_new_database_with_its_folder_is_private(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "new" / "var" / "x.db")
    await migrate(store)
    assert modes(tmp_path) == {
        "new": 0o700, "new/var": 0o700, "new/var/x.db": 0o600, "new/var/x.db-wal": 0o600, "new/var/x.db-shm": 0o600,
    }  # fmt: skip
    await store.close()


@pytest.mark.usefixtures("umask")
def test_new_log_files_ledgers_and_outputs_of_the_demo_are_private(tmp_path: Path) -> None:
    target = FileTarget(tmp_path / "logs" / "x.log", fail)
    target.write(b"line\n")
    target.close()
    Ledger(tmp_path / "ledger.jsonl", fsync=False)
    Child("child", ["--version"], tmp_path, {}).stop()
    assert modes(tmp_path) == {
        "logs": 0o700, "logs/x.log": 0o600, "ledger.jsonl": 0o600, "ledger.jsonl.echoed": 0o600, "child.out": 0o600,
        "child.err": 0o600,
    }  # fmt: skip


async def test_a_start_takes_the_rights_of_others_on_files_of_an_earlier_version(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, beside = tmp_path / "x.db", [tmp_path / "x.db-wal", tmp_path / "x.db-shm"]
    earlier = SqliteStore(path)
    await migrate(earlier)
    for file in (path, *beside):
        file.chmod(0o644)
    assert (await rights(path)).verdict is Verdict.WARNING
    later = SqliteStore(path)
    assert modes(tmp_path) == {"x.db": 0o600, "x.db-wal": 0o600, "x.db-shm": 0o600}
    assert "others could read x.db, x.db-wal, x.db-shm" in caplog.text
    assert await rights(path) == Finding.ok("only this user can read the file")
    for store in (earlier, later):
        await store.close()


async def test_a_folder_that_exists_keeps_its_mode_and_the_doctor_warns_where_others_may_write_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    await SqliteStore(folder / "x.db").close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777
    assert (await rights(folder / "x.db")).text == f"other users can write the folder {folder}"


def test_a_log_file_that_an_administrator_made_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.touch()
    path.chmod(0o640)
    target = FileTarget(path, fail)
    target.write(b"line\n")
    target.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_target_of_a_link_is_private_too(tmp_path: Path) -> None:
    for name, create in (("made", make_file), ("opened", lambda path: os.close(open_file(path, os.O_WRONLY)))):
        (tmp_path / f"{name}.link").symlink_to(tmp_path / name)
        create(tmp_path / f"{name}.link")
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_file_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.touch()
    path.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert not take_from_others(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not take_from_others(tmp_path / "missing")


def test_a_folder_that_another_process_makes_first_is_no_error(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert modes(tmp_path) == {"a": 0o700, "a/b": 0o700}


def test_the_rights_on_a_device_stay(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    assert not take_from_others(pipe)
    assert stat.S_IMODE(pipe.stat().st_mode) & 0o044


def test_what_keeps_a_folder_from_being_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    assert no_folder(tmp_path / "new" / "deep") is None
    assert no_folder(tmp_path / "file" / "deep") == f"{tmp_path}/file is no folder"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert no_folder(tmp_path / "new") == f"this user may not write to {tmp_path}"


def test_what_is_behind_a_closed_folder_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", closed)
    assert not exists(Path("/closed/x"))


async def test_the_rights_on_a_file_that_is_no_database_stay(tmp_path: Path) -> None:
    for name, content in (("passwd", b"root:x:0:0\n" * 9), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o644)
        await SqliteStore(tmp_path / name).close()
    assert modes(tmp_path) == {"passwd": 0o644, "empty": 0o600}
