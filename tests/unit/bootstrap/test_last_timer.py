"""The last timer, in this process with a recorder in place of the end, and in processes of its own."""

import asyncio
import logging
import subprocess
import sys
import threading
from typing import Final

import pytest

from wework_message.bootstrap.last_timer import HUNG, LastTimer

PATIENCE_S: Final = 30.0
_HANGS: Final = """
import asyncio, threading
from wework_message.bootstrap.last_timer import LastTimer

async def main():
    LastTimer(0.2).start()
    {hang}

asyncio.run(main())
"""


async def test_it_names_the_tasks_and_threads_that_hang(caplog: pytest.LogCaptureFixture) -> None:
    ended, released = threading.Event(), threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    async def never() -> None:
        await asyncio.Event().wait()

    hanging = asyncio.create_task(never(), name="drain")
    thread = threading.Thread(target=released.wait, name="sqlite-writer-0")
    thread.start()
    timer = LastTimer(0.01, end)
    timer.start()
    timer.start()
    assert await asyncio.to_thread(ended.wait, PATIENCE_S)
    released.set()
    hanging.cancel()
    assert codes == [HUNG]
    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "task drain at locks.py:" in record.getMessage()
    assert "thread sqlite-writer-0 at threading.py:" in record.getMessage()


@pytest.mark.parametrize(
    "hang",
    [
        "await asyncio.Event().wait()",
        "threading.Event().wait(60)",
        "threading.Thread(target=threading.Event().wait, args=(60,)).start()",
    ],
    ids=["a task", "the loop itself", "a thread that the exit waits for"],
)
def test_it_ends_a_process_whatever_hangs(hang: str) -> None:
    script = _HANGS.format(hang=hang)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == HUNG
    assert b"the process did not end within" in ended.stderr
