"""The supervisor with workers that do nothing: what it does when one of them, or itself, ends."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.support.polling import until
from tests.support.processes.programs import Program

MODULE = "tests.support.processes.supervised"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Program]:
    program = Program("supervisor", tmp_path, ["3"], {}, MODULE)
    program.spawn()
    yield program
    program.close()


async def _started(program: Program, count: int) -> None:
    async def started() -> bool:
        return sum("worker.started" in line for line in program.lines()) >= count

    await until(started)


async def test_workers_that_end_are_started_again_with_growing_pauses(supervisor: Program) -> None:
    await _started(supervisor, 3)
    for kills in range(1, 4):
        last = supervisor.children[-1]
        last.kill()
        await _started(supervisor, 3 + kills)
    pauses = [line.rpartition('"restartInS": ')[2] for line in supervisor.lines() if "restartInS" in line]
    assert pauses == ["0.2}", "0.4}", "0.8}"]
    assert supervisor.stop() == 0


async def test_a_first_worker_that_cannot_start_ends_the_service_with_its_code(tmp_path: Path) -> None:
    program = Program("supervisor", tmp_path, ["3", "78"], {}, MODULE)
    program.spawn()
    assert program.exit_code() == 78
    assert sum("worker.started" in line for line in program.lines()) == 1


async def test_the_death_of_the_supervisor_ends_every_worker(supervisor: Program) -> None:
    await _started(supervisor, 3)
    workers = supervisor.children
    supervisor.kill()
    gone, alive = psutil.wait_procs(workers, timeout=30)
    assert (len(gone), alive) == (3, [])


async def test_a_second_signal_kills(supervisor: Program) -> None:
    await _started(supervisor, 3)
    workers = supervisor.children
    for worker in workers:
        worker.suspend()  # a drain that takes its time
    supervisor.terminate()

    async def stopping() -> bool:
        return supervisor.has_written("service.stopping")

    await until(stopping)
    supervisor.terminate()
    assert supervisor.exit_code() == -signal.SIGTERM
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


async def test_a_worker_leaves_no_signal_of_its_own_with_the_supervisor(supervisor: Program) -> None:
    await _started(supervisor, 3)
    os.kill(supervisor.children[-1].pid, signal.SIGTERM)
    await _started(supervisor, 4)
    assert not supervisor.has_written("service.stopping")
