import fcntl
import json
import os
from pathlib import Path

import pytest

from wework_message.adapters.observability.logs import LogSettings
from wework_message.adapters.observability.readable_lines import LogFormat
from wework_message.bootstrap.workers.report import SupervisorReport


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_supervisor_writes_in_the_form_of_its_workers_and_json_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: LogFormat
) -> None:
    reading, writing = os.pipe()
    path = tmp_path / "x.log"
    with os.fdopen(reading, "rb") as output, os.fdopen(writing, "w") as stdout, (tmp_path / "turn").open("wb") as turn:
        monkeypatch.setattr("sys.stdout", stdout)
        report = SupervisorReport(LogSettings(version="1", form=form, file=str(path)), turn.fileno())
        report.line("INFO", "supervisor.started", {"workers": 2})
        written = os.read(output.fileno(), 4096)
        assert report._file is not None
        report._file.close()
    assert json.loads(path.read_bytes())["event"] == "supervisor.started"
    assert (written == path.read_bytes()) == (form == "json")
    assert written.endswith(b"workers=2 (supervisor)\n") == (form == "text")


def test_the_supervisor_never_waits_for_a_worker_that_has_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that hangs while it renames the file could not be ended otherwise."""
    lock, operations = fcntl.flock, list[int]()

    def flock(descriptor: int, operation: int) -> None:
        operations.append(operation)
        lock(descriptor, operation | fcntl.LOCK_NB)

    monkeypatch.setattr("wework_message.adapters.observability.log_file.fcntl.flock", flock)
    path = tmp_path / "x.log"
    path.touch()
    with path.open("ab") as worker, (tmp_path / "turn").open("wb") as turn:
        fcntl.flock(worker, fcntl.LOCK_EX)
        operations.clear()
        report = SupervisorReport(LogSettings(version="1", file=str(path)), turn.fileno())
        report.line("ERROR", "worker.ended", {"worker": 1})
        assert report._file is not None
        report._file.close()
    assert operations[0] == fcntl.LOCK_SH | fcntl.LOCK_NB
    assert json.loads(path.read_bytes())["event"] == "worker.ended"
