"""What surrounds a process: streams that are closed, full or never read, foreign variables, process number 1, a start that hangs."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psutil
import pytest
from tests.support.polling import until
from tests.support.processes.programs import ServiceProgram
from tests.support.processes.running_service import Api, client_of, text
from tests.support.servers.ports import free_port

pytestmark = pytest.mark.e2e

TERMINATED: Final = 143
MESSAGES: Final = 1_000
PIPE_BYTES: Final = 65_536


class Surrounded(ServiceProgram):
    """A service whose command line a shell, or another program, starts."""

    def __init__(self, folder: Path, before: Sequence[str], after: str = "", **settings: str) -> None:
        super().__init__(folder, "http://127.0.0.1:9", port=None, **settings)
        command = " ".join([*before, sys.executable, "-m", "wework_message", "serve", after])
        self._arguments = ["bash", "-c", f"exec {command}"]

    def child(self) -> psutil.Process:
        """The process that the started program started."""
        assert self._process is not None
        (child,) = psutil.Process(self._process.pid).children()
        return child


@contextlib.contextmanager
def closing(program: ServiceProgram) -> Iterator[ServiceProgram]:
    try:
        yield program
    finally:
        program.close()


async def accepts(program: ServiceProgram) -> None:
    async with client_of(program.url) as client:
        await Api(client).accept(text())


@pytest.mark.parametrize(
    ("streams", "variables"),
    [
        ("<&- >&- 2>&-", {}),
        (">/dev/full 2>/dev/full", {}),
        ("", {"PROMETHEUS_MULTIPROC_DIR": "/nowhere/of/a/dead/program"}),
    ],
    ids=["closed", "full", "metrics of another program"],
)
async def test_it_serves_whatever_its_streams_and_variables_are(
    tmp_path: Path, streams: str, variables: dict[str, str]
) -> None:
    log = tmp_path / "service.log.json"
    with closing(Surrounded(tmp_path, [], streams, LOGGING_FILE_NAME=str(log), **variables)) as program:
        await asyncio.to_thread(program.start)
        await accepts(program)
        assert await asyncio.to_thread(program.stop) == 0
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert [event for event in events if event.startswith("service.st")] == ["service.started", "service.stopping"]
    assert (tmp_path / "wework-message.db").read_bytes().startswith(b"SQLite format 3")


async def test_a_stdout_that_nobody_reads_stops_neither_the_log_file_nor_the_process(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stdout")
    log = tmp_path / "service.log.json"
    with closing(Surrounded(tmp_path, [], "3<>stdout >stdout", LOGGING_FILE_NAME=str(log))) as program:
        await asyncio.to_thread(program.start)
        async with client_of(program.url) as client:
            for number in range(MESSAGES // 100):
                items = [text(str(number), guid=f"g{place}") for place in range(100)]
                answer = await client.post("/api/messages/send/batch", json={"messages": items})
                assert answer.is_success, answer.text

        async def written() -> bool:
            return log.stat().st_size > 4 * PIPE_BYTES

        await until(written)
        assert await asyncio.to_thread(program.stop) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a process as number 1 of a namespace")
async def test_as_process_number_1_a_second_signal_ends_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a provider that never answers
        program = Surrounded(
            tmp_path, ["unshare", "--pid", "--fork", "--kill-child"],
            APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL=f"http://127.0.0.1:{silent.getsockname()[1]}",
            APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS="30000", APP_MESSAGE_UNKNOWN_HORIZON_SECONDS="90",
        )  # fmt: skip
        with closing(program):
            await asyncio.to_thread(program.start)
            async with client_of(program.url) as client:
                api = Api(client)
                message_id = await api.accept(text())
                await api.reaches(message_id, "SENDING")
                program.child().terminate()

                async def refused() -> bool:
                    return not await asyncio.to_thread(program.ready)

                await until(refused)
            program.child().terminate()
            assert await asyncio.to_thread(program.exit_code) == TERMINATED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a process as number 1 of a namespace")
async def test_as_process_number_1_the_first_signal_ends_what_does_not_serve(tmp_path: Path) -> None:
    """Such as a migration, or a service that starts: it would go on, and be killed with open calls after its grace period."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"jdbc:mysql://127.0.0.1:{silent.getsockname()[1]}/wm"
        process = await asyncio.create_subprocess_exec(
            "unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "wework_message", "migrate", cwd=tmp_path,
            env={**os.environ, "SPRING_DATASOURCE_URL": url, "SPRING_DATASOURCE_USERNAME": "wm", "SPRING_DATASOURCE_PASSWORD": "secret"},
        )  # fmt: skip
        silent.settimeout(60)
        peer, _ = await asyncio.to_thread(silent.accept)
        with peer:
            psutil.Process(process.pid).children()[0].terminate()
            try:
                assert await asyncio.wait_for(process.wait(), 5) == TERMINATED
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()


async def test_a_signal_ends_a_start_that_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        url = f"jdbc:mysql://127.0.0.1:{silent.getsockname()[1]}/wm"
        program = ServiceProgram(
            tmp_path, "http://127.0.0.1:9", SPRING_DATASOURCE_URL=url, SPRING_DATASOURCE_USERNAME="wm",
            SPRING_DATASOURCE_PASSWORD="secret",
        )  # fmt: skip
        with closing(program):
            await asyncio.to_thread(program.spawn)
            silent.settimeout(60)
            peer, _ = await asyncio.to_thread(silent.accept)
            with peer:
                assert await asyncio.to_thread(program.stop) == 0
