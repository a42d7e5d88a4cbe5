import errno
from pathlib import Path

import pytest

from wework_message.bootstrap.settings import Loaded, SettingsError, load
from wework_message.bootstrap.start_failures import as_failure
from wework_message.domain.errors import UnavailableError
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

NOWHERE = Path("/nonexistent-settings-folder")


def failure(error: Exception, loaded: Loaded | None = None) -> CommandFailedError:
    with pytest.raises(CommandFailedError) as caught, as_failure(loaded):
        raise error
    return caught.value


def of_database(url: str) -> Loaded:
    return load({"DATASOURCE_URL": url}, config_dir=NOWHERE)


def test_a_setting_at_fault_is_named() -> None:
    failed = failure(SettingsError("server.host", "is none"))
    assert (failed.code, failed.message) == (ExitCode.CONFIGURATION, "server.host: is none")


def test_a_database_is_named_with_its_place_and_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = UnavailableError("database", "the file cannot be opened (SQLITE_CANTOPEN)")
    failed = failure(error, of_database(f"sqlite:///{tmp_path}/file/x.db"))
    text = f"database: SQLite {tmp_path}/file/x.db: the file cannot be opened (SQLITE_CANTOPEN)"
    assert (failed.code, failed.message, failed.details) == (
        ExitCode.TRY_AGAIN,
        text,
        (f"{tmp_path}/file is no folder",),
    )
    failed = failure(UnavailableError("database"), of_database("mysql://u:hunter2@db:3307/wm"))
    assert (failed.message, failed.details) == ("database: MySQL u@db:3307/wm: does not answer", ())


def test_a_path_that_the_system_refuses_is_named() -> None:
    failed = failure(PermissionError(errno.EACCES, "Permission denied", "/var/x"))
    assert (failed.code, failed.message) == (ExitCode.CONFIGURATION, "cannot start: /var/x: Permission denied")


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, "x", "/var/x"), PermissionError(errno.EACCES, "no path"), ValueError("x"), UnavailableError("secrets", "x")]
)  # fmt: skip
def test_everything_else_passes(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, as_failure(of_database("sqlite:///x.db")):
        raise error
    assert caught.value is error
