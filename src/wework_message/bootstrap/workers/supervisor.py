"""The process that starts the workers, starts them again, ends them, and knows how many work (ADR 33).

It has one thread and no event loop, since it forks: what is forked must hold no lock of another thread.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from wework_message.bootstrap.last_timer import EXIT_WITHIN_S, HUNG
from wework_message.bootstrap.workers.channel import Channel
from wework_message.bootstrap.workers.messages import (
    FromWorker,
    Opened,
    Ping,
    ScrapeRequest,
    Snapshot,
    Workers,
)
from wework_message.bootstrap.workers.place import HUNG_S, Place, ending
from wework_message.bootstrap.workers.scrapes import Scrapes
from wework_message.bootstrap.workers.signals import Signals, held_back

PING_S: Final = 5.0
CUT_OFF_S: Final = EXIT_WITHIN_S + 1
"""After that long a drain every worker is killed; each of them has cut itself off a second earlier."""

_TICK_S: Final = 1.0


class Report(Protocol):
    """Where the supervisor says what happens."""

    def line(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Log one line; never blocks."""
        ...

    def flush(self) -> None:
        """Write what could not be written before."""
        ...


@dataclass(frozen=True, slots=True)
class Worker:
    """What a forked process has to know about itself."""

    number: int
    end: socket.socket
    """Its end of the sockets to the supervisor."""


class Supervisor:
    """`run` returns twice and more: in each worker, and at the end in the supervisor itself."""

    def __init__(self, workers: int, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing runs yet. `clock` in seconds."""
        self._places = [Place(number, clock) for number in range(1, workers + 1)]
        self._report = report
        self._clock = clock
        self._signals = Signals()
        self._scrapes = Scrapes(self._places, clock)
        self._told: Workers | None = None
        self._next_ping = 0.0
        self._has_opened = False
        self._stop_at: float | None = None
        self._code = 0

    def run(self) -> Worker | int:
        """In a worker, what it is; in the supervisor, once all have ended, the exit code."""
        self._signals.open()
        while True:
            worker = self._start_due()
            if worker is not None:
                return worker
            if self._stop_at is not None and not any(place.pid for place in self._places):
                self._signals.close()
                self._report.flush()
                return self._code
            self._wait()
            self._receive()
            self._reap()
            for number in self._signals.take():
                self._on_signal(number)
            self._look()

    def _start_due(self) -> Worker | None:
        """Fork what is due. The first worker opens the database alone: the others follow once it works."""
        for place in self._places if self._has_opened else self._places[:1]:
            if self._stop_at is None and place.start_at is not None and place.start_at <= self._clock():
                worker = self._fork(place)
                if worker is not None:
                    return worker
        return None

    def _fork(self, place: Place) -> Worker | None:
        try:
            ours, theirs = socket.socketpair()
            with held_back():
                pid = os.fork()
                if pid == 0:
                    self._forget(ours)
                    return Worker(place.number, theirs)
        except OSError as error:  # the system has no process or no file to give: later
            text = error.strerror or type(error).__name__
            self._report.line("ERROR", "worker.not_started", {"text": text, "worker": place.number})
            place.postpone()
            return None
        theirs.close()
        place.fill(pid, Channel(ours))
        self._report.line("INFO", "worker.started", {"worker": place.number, "pid": pid})
        return None

    def _forget(self, ours: socket.socket) -> None:
        """In a new worker: an end of a socket that stays open here would hide the supervisor's death from the others."""
        ours.close()
        for place in self._places:
            if place.channel is not None:
                place.channel.close()
        self._signals.close()

    def _wait(self) -> None:
        """Until something happens, for a second at most."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._signals, selectors.EVENT_READ)
            for channel in self._channels():
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.has_waiting else 0)
                selector.register(channel, events)
            starts = [place.start_at for place in self._places if place.start_at is not None and self._has_opened]
            next_s = min((start - self._clock() for start in starts), default=_TICK_S)
            selector.select(max(0.0, min(_TICK_S, next_s, self._scrapes.ends_in_s)))

    def _channels(self) -> Sequence[Channel]:
        return [place.channel for place in self._places if place.channel is not None and not place.channel.closed]

    def _receive(self) -> None:
        for place in self._places:
            self._receive_from(place)

    def _receive_from(self, place: Place) -> None:
        if place.channel is not None and not place.channel.closed:
            place.channel.flush()
            for message in place.channel.receive():
                self._on_message(place, message)

    def _on_message(self, place: Place, message: FromWorker) -> None:
        place.hear()
        if isinstance(message, Opened):
            place.open()
            self._has_opened = True
        elif isinstance(message, ScrapeRequest):
            self._scrapes.begin(place, message.number)
        elif isinstance(message, Snapshot):
            self._scrapes.add(place, message)

    def _reap(self) -> None:
        """Every child that has ended, also one that process 1 got from another."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            place = next((place for place in self._places if place.pid == pid), None)
            if place is not None:
                self._on_end(place, pid, os.waitstatus_to_exitcode(status))

    def _on_end(self, place: Place, pid: int, status: int) -> None:
        self._receive_from(place)
        was_open = place.is_open
        pause_s = place.end(status)
        self._scrapes.end(place.number)
        fields: dict[str, object] = {"text": ending(status), "worker": place.number, "pid": pid}
        if self._stop_at is not None:
            is_drained = status == 0 or (status == -signal.SIGTERM and not was_open)  # it had nothing to drain yet
            self._code = self._code or (0 if is_drained else status if status > 0 else HUNG)
            self._report.line("INFO" if is_drained else "WARNING", "worker.ended", fields)
        elif status >= 0 and not was_open and not self._has_opened:
            self._report.line("ERROR", "worker.ended", fields)
            self._code = status or HUNG  # it has said why: others would only say the same
            self._stop(signal.SIGTERM)
        else:
            place.restarts += 1
            self._report.line("WARNING", "worker.ended", fields | {"restartInS": round(pause_s, 1)})

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGCHLD:
            return
        if self._stop_at is None:
            self._stop(number)
            return
        for pid in self._pids():
            os.kill(pid, signal.SIGKILL)
        self._signals.close()
        signal.raise_signal(number)
        os._exit(128 + number)  # process 1, as in a container, has no default action

    def _stop(self, number: int) -> None:
        """All drain at the same time; each has the time that a process alone has."""
        self._stop_at = self._clock()
        self._tell_workers()  # before the signal: none leaves its connections to another one
        self._report.line("INFO", "service.stopping", {"text": f"{signal.Signals(number).name}: all workers drain"})
        for place in self._places:
            place.start_at = None
        for pid in self._pids():
            os.kill(pid, signal.SIGTERM)

    def _pids(self) -> Sequence[int]:
        return [place.pid for place in self._places if place.pid is not None]

    def _look(self) -> None:
        """What is to be done at its time, whether anything happened or not."""
        now = self._clock()
        self._scrapes.answer_due()
        if self._stop_at is None:
            self._kill_hung()
        elif now >= self._stop_at + CUT_OFF_S:
            for pid in self._pids():
                os.kill(pid, signal.SIGKILL)
        if now >= self._next_ping:
            self._next_ping = now + PING_S
            self._tell(Ping())
        self._tell_workers()
        self._report.flush()

    def _kill_hung(self) -> None:
        for place in self._places:
            if place.pid is not None and place.silent_s > HUNG_S:
                self._report.line(
                    "ERROR", "worker.hung", {"text": f"no answer for {HUNG_S:.0f} s: killed", "worker": place.number}
                )
                os.kill(place.pid, signal.SIGKILL)
                place.hear()

    def _tell_workers(self) -> None:
        """Tell every worker how many work, where that changed."""
        problems = [place.problem for place in self._places if place.problem is not None]
        up, leave = len(self._places) - len(problems), self._stop_at is not None
        workers = Workers(up, "; ".join(problems) or None, leave=leave)
        if workers != self._told:
            self._told = workers
            self._tell(workers)

    def _tell(self, message: Ping | Workers) -> None:
        for channel in self._channels():
            channel.send(message)
