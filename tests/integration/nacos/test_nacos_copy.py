"""The copy of what Nacos said last, and the process that asks."""

import asyncio
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.nacos.sdk_stub import StubServer
from tests.support.nacos.starts import documents
from tests.support.servers.ports import free_port

from wework_message.adapters.nacos import fetch as fetching
from wework_message.adapters.nacos.configuration import NacosSharedConfiguration
from wework_message.adapters.nacos.fetch import fetch
from wework_message.adapters.nacos.kept import KeptConfiguration
from wework_message.bootstrap.nacos.start import age_in_words, keep_copy, read_at_start, shown_copy
from wework_message.bootstrap.settings.nacos import NacosConfigSettings, NacosSettings
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.shared_configuration import Document, DocumentName

TWO = documents("password: hunter2", "b: 中文")
NAMES = [document.name for document in TWO]
PLACE = {"server": "n:8848", "namespace": ""}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "nacos" / "copy.json"


def texts(kept: KeptConfiguration) -> list[str] | None:
    copy = kept.read()
    return None if copy is None else [document.text for document in copy.documents]


def test_what_was_kept_is_read_by_the_next_process_and_by_nobody_else(path: Path) -> None:
    former = os.umask(0)
    try:
        KeptConfiguration(path, PLACE, NAMES).write(TWO)
    finally:
        os.umask(former)
    copy = KeptConfiguration(path, PLACE, NAMES).read()
    assert copy is not None
    assert list(copy.documents) == TWO
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_age_is_that_of_the_last_news(path: Path) -> None:
    kept = KeptConfiguration(path, PLACE, NAMES)
    kept.write(TWO)
    os.utime(path, (0, time.time() - 7_300))
    kept.write(TWO)
    copy = kept.read()
    assert copy is not None
    assert shown_copy(copy) == "the copy is 2 hours old"
    kept.write(TWO[:1])
    assert (texts(kept), age_in_words(copy.age_s)) == (["password: hunter2"], "2 hours")


@pytest.mark.parametrize(
    ("age_s", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 minutes"), (7_200, "2 hours"), (172_800, "2 days")]
)
def test_ages(age_s: float, words: str) -> None:
    assert age_in_words(age_s) == words


@pytest.mark.parametrize(
    ("place", "names"),
    [({**PLACE, "server": "other:8848"}, NAMES), ({**PLACE, "namespace": "x"}, NAMES), (PLACE, NAMES[:1])],
)
def test_a_copy_of_something_else_is_none(path: Path, place: dict[str, str], names: list[DocumentName]) -> None:
    KeptConfiguration(path, PLACE, NAMES).write(TWO)
    assert KeptConfiguration(path, place, names).read() is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"place": 1}', b"\xff", b"null"])
def test_a_damaged_copy_is_none_and_is_replaced(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    kept = KeptConfiguration(path, PLACE, NAMES)
    assert kept.read() is None
    kept.write(TWO)
    assert texts(kept) == ["password: hunter2", "b: 中文"]


def test_a_copy_with_something_that_is_no_text_is_none(path: Path) -> None:
    kept = KeptConfiguration(path, PLACE, NAMES)
    kept.write(TWO)
    content = json.loads(path.read_text())
    content["documents"][0]["text"] = 7
    path.write_text(json.dumps(content))
    assert kept.read() is None


def test_a_disk_that_takes_nothing_costs_a_warning_and_no_rest(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = KeptConfiguration(path, PLACE, NAMES)
    kept.write(TWO[:1])

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    keep_copy(kept, TWO)
    assert (texts(kept), len(list(path.parent.iterdir()))) == (["password: hunter2"], 1)
    assert caplog.messages == ["no copy of what Nacos says: No space left on device"]


# -- the process that asks -----------------------------------------------------------------------------------------

SERVER: dict[str, object] = {"addresses": "n:8848", "namespace": "", "username": None, "password": None}


def answering(monkeypatch: pytest.MonkeyPatch, outcome: object) -> list[dict[str, Any]]:
    """The process answers so; what it is received."""
    received: list[dict[str, Any]] = []

    def run(command: list[str], *, input: bytes, timeout: float, **_: object) -> object:  # noqa: A002 -- the name of subprocess
        assert (command[1:], timeout <= 15) == (["-m", "wework_message.adapters.nacos.fetch"], True)
        received.append(json.loads(input))
        if isinstance(outcome, Exception):
            raise outcome
        return subprocess.CompletedProcess(command, 0, outcome, b"")

    monkeypatch.setattr(subprocess, "run", run)
    return received


def test_it_gets_the_request_by_its_input_and_not_by_its_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"documents": [["document-2.yaml", "DEFAULT_GROUP", "b: 中文"]]}
    received = answering(monkeypatch, json.dumps(answer).encode())
    assert fetch({**SERVER, "password": "hunter2"}, NAMES) == TWO[1:]
    assert received[0]["server"]["password"] == "hunter2"
    assert received[0]["names"] == [["document-1.yaml", "DEFAULT_GROUP"], ["document-2.yaml", "DEFAULT_GROUP"]]


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (b'{"problem": "no connection"}', "nacos: no connection"),
        (b"", "nacos: the process that asks it has failed"),
        (subprocess.TimeoutExpired("x", 1), "nacos: no answer in time"),
        (OSError("no process"), "nacos: the process that asks it has failed"),
    ],
)
def test_what_goes_wrong_there_is_said(monkeypatch: pytest.MonkeyPatch, outcome: object, text: str) -> None:
    answering(monkeypatch, outcome)
    with pytest.raises(UnavailableError) as caught:
        fetch(SERVER, NAMES)
    assert str(caught.value) == text


def test_it_answers_with_what_is_there_and_with_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    server = StubServer()
    server.publish("document-1.yaml", "a: 1")

    def at(_server: object, names: list[DocumentName]) -> NacosSharedConfiguration:
        return NacosSharedConfiguration(names, server.open, server.close)

    monkeypatch.setattr(NacosSharedConfiguration, "at", at)
    request = {"server": SERVER, "names": [["document-1.yaml", "DEFAULT_GROUP"]]}
    assert asyncio.run(fetching._answer(request)) == {"documents": [["document-1.yaml", "DEFAULT_GROUP", "a: 1"]]}
    server.is_away = True
    assert asyncio.run(fetching._answer(request)) == {"problem": "StubNacosError -401"}
    assert server.clients == []


def test_a_real_one_says_that_nobody_listens_and_writes_nothing(tmp_path: Path) -> None:
    request = {"server": {**SERVER, "addresses": f"127.0.0.1:{free_port() - 1_000}"}, "names": [["a", "b"]]}
    ended = subprocess.run(
        [sys.executable, "-m", "wework_message.adapters.nacos.fetch"], input=json.dumps(request).encode(),
        capture_output=True, check=True, cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert "gRPC port" in json.loads(ended.stdout)["problem"]
    assert list(tmp_path.iterdir()) == []


# -- both together -------------------------------------------------------------------------------------------------


def a_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: object) -> Any:
    def fetched(_server: object, names: list[DocumentName]) -> object:
        if isinstance(outcome, UnavailableError):
            raise outcome
        return [Document(names[-1], str(outcome))] if outcome else []

    monkeypatch.setattr("wework_message.bootstrap.nacos.start.fetch", fetched)
    config = NacosConfigSettings(copy=str(tmp_path / "copy.json"))
    return read_at_start(NacosSettings(server_addr="n", config=config), ())


def test_a_start_reads_keeps_and_falls_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = a_start(monkeypatch, tmp_path, "a=1")
    assert ([document.text for document in first.documents], first.copy, first.notes) == (["a=1"], None, [])
    first.keep(first.documents)
    away = a_start(monkeypatch, tmp_path, UnavailableError("nacos", "x"))
    assert (away.documents, [document.text for document in away.copy.documents]) == (None, ["a=1"])
    assert away.problem == "Nacos at n:8848 does not answer (nacos: x)"
    empty = a_start(monkeypatch, tmp_path, "")
    assert empty.notes == ["Nacos at n:8848 has none of message-service, message-service.properties"]
