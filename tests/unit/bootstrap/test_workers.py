"""What a supervisor knows of its workers, and what they tell each other."""

import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from wework_message.adapters.observability.merged_metrics import Family, Sample
from wework_message.application.role import Role
from wework_message.bootstrap.policies import WORKER_POLLS, policy_of
from wework_message.bootstrap.settings import load, start_problems
from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.sockets import held_ports, listening
from wework_message.bootstrap.workers.channel import Channel
from wework_message.bootstrap.workers.link import Link, Membership
from wework_message.bootstrap.workers.messages import (
    FromWorker,
    Opened,
    Ping,
    Pong,
    ScrapeRequest,
    Snapshot,
    Workers,
    framed,
    read_from_supervisor,
    whole_bodies,
)
from wework_message.bootstrap.workers.pauses import FIRST_PAUSE_S, MAX_PAUSE_S, STEADY_S, Pauses
from wework_message.bootstrap.workers.place import SILENT_S, Place
from wework_message.bootstrap.workers.supervisor import Supervisor

NOWHERE = Path("/nonexistent-settings-folder")
MYSQL = {
    "DATASOURCE_URL": "mysql://u:p@db.example:3306/wework",
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "http://provider.example",
}


def test_pauses_grow_to_a_limit_and_begin_anew_after_steady_work() -> None:
    pauses = Pauses()
    assert [pauses.after(0) for _ in range(3)] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert [pauses.after(1) for _ in range(9)][-1] == MAX_PAUSE_S
    assert pauses.after(STEADY_S) == FIRST_PAUSE_S
    assert pauses.after(STEADY_S - 1) == 2 * FIRST_PAUSE_S


def a_place(clock: list[float]) -> tuple[Place, socket.socket]:
    ours, theirs = socket.socketpair()
    place = Place(2, lambda: clock[0])
    place.fill(17, Channel(ours))
    return place, theirs


def problem_of(place: Place) -> str | None:
    """Asked anew: it changes with the time."""
    return place.problem


def test_a_place_says_what_is_wrong_with_it() -> None:
    clock = [100.0]
    assert problem_of(Place(1, lambda: 0.0)) == "worker 1 has not started yet"
    place, theirs = a_place(clock)
    assert problem_of(place) == "worker 2 starts"
    place.open()
    assert problem_of(place) is None
    clock[0] += SILENT_S + 1
    assert problem_of(place) == "worker 2 does not answer"
    place.hear()
    assert problem_of(place) is None
    assert place.end(-signal.SIGKILL) == FIRST_PAUSE_S
    assert (problem_of(place), place.start_at) == ("worker 2 was ended by SIGKILL", clock[0] + FIRST_PAUSE_S)
    theirs.close()


class Silent:
    """A report that nobody reads."""

    def line(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        pass

    def flush(self) -> None:
        pass


def test_before_the_signal_each_worker_is_told_that_all_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would stop to listen and leave the callbacks about its calls to another one, which does the same."""
    running = Supervisor(2, Silent())
    place, theirs = a_place([100.0])
    place.open()
    monkeypatch.setattr(running, "_places", [place])
    told: list[object] = []

    def kill(pid: int, number: int) -> None:
        assert (pid, number) == (17, signal.SIGTERM)
        (body,) = whole_bodies(bytearray(theirs.recv(1000)))
        told.append(read_from_supervisor(body))

    monkeypatch.setattr(os, "kill", kill)
    running._stop(signal.SIGTERM)
    assert told == [Workers(1, leave=True)]
    theirs.close()
    assert place.channel is not None
    place.channel.close()


@pytest.mark.parametrize(
    ("workers", "listen"), [(Workers(2), True), (Workers(1, "worker 2 starts"), False), (Workers(2, leave=True), False)]
)
async def test_a_worker_knows_whether_others_take_its_connections(workers: Workers, listen: bool) -> None:
    link = Link(Membership(1, 2, socket.socket(), 0, b""), lambda: None)
    link._on_message(workers)
    assert link.others_listen() is listen
    link.membership.end.close()


def test_messages_arrive_whole_however_they_are_cut() -> None:
    messages: list[FromWorker] = [
        Opened(), Pong(), ScrapeRequest(7), Snapshot(1, [Family("a", "gauge", "A.", [Sample("a", {"x": "y"}, 1.5)])]),
    ]  # fmt: skip
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    stream = b"".join(framed(message) for message in messages)
    arrived: list[FromWorker] = []
    for byte in stream:
        theirs.sendall(bytes([byte]))
        arrived += channel.receive()
    assert arrived == messages
    theirs.close()
    assert list(channel.receive()) == []
    assert channel.closed
    channel.close()


def waits(channel: Channel) -> bool:
    """Asked anew: it changes with what the other end reads."""
    return channel.has_waiting


def test_a_worker_that_does_not_read_blocks_nobody() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    count = 0
    while not waits(channel):
        channel.send(Ping())
        count += 1
    received = bytearray()
    while waits(channel) or len(received) < count * len(framed(Ping())):
        received += theirs.recv(1 << 20)
        channel.flush()
    assert [read_from_supervisor(body) for body in whole_bodies(received)] == [Ping()] * count
    channel.close()
    theirs.close()


def problems(**environ: str) -> dict[str, str]:
    loaded = load(environ, config_dir=NOWHERE)
    return {problem.path: problem.message for problem in start_problems(loaded.settings, loaded.profile)}


def test_sqlite_takes_one_worker_and_says_why() -> None:
    provider = {name: value for name, value in MYSQL.items() if name != "DATASOURCE_URL"}
    assert "one writer at a time" in problems(SERVER_WORKERS="2", **provider)["server.workers"]
    assert problems(SERVER_WORKERS="1", **provider) == {}


def test_a_simulated_provider_takes_one_worker() -> None:
    assert "each worker would have its own" in problems(
        SERVER_WORKERS="2", DATASOURCE_URL=MYSQL["DATASOURCE_URL"]
    )["server.workers"]  # fmt: skip


def test_several_workers_need_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "server.workers" not in problems(SERVER_WORKERS="2", **MYSQL)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "SO_REUSEPORT" in problems(SERVER_WORKERS="2", **MYSQL)["server.workers"]


def test_workers_listen_on_one_port_and_no_other_service_joins_them() -> None:
    loaded = load({"SERVER_PORT": "0", "MANAGEMENT_SERVER_PORT": "0"}, config_dir=NOWHERE)
    with held_ports(loaded, Role.ALL) as ports:
        assert ports.first == ports.api != ports.operating
        with listening(loaded, Role.ALL, ports) as first, listening(loaded, Role.ALL, ports) as second:
            for listeners in (first, second):
                assert listeners.port == ports.api
                assert listeners.api is not None
                listeners.api.listen()
            again = load({"SERVER_PORT": str(ports.api)}, config_dir=NOWHERE)
            with (
                pytest.raises(InvalidSettingError, match=rf"^server\.port: .*:{ports.api}: "),
                held_ports(again, Role.ALL),
            ):
                pytest.fail("two services on one port")


def test_each_worker_asks_sooner_what_another_one_may_have_moved() -> None:
    policy = policy_of(load({"SERVER_WORKERS": "2", **MYSQL}, config_dir=NOWHERE))
    assert policy.poll_status_ms == WORKER_POLLS["poll_status_ms"]
    assert policy.poll_due_ms == WORKER_POLLS["poll_due_ms"]
