import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest
from tests.support.media import child_program
from tests.support.polling import until

from wework_message.adapters.media import children as children_module
from wework_message.adapters.media.children import Children
from wework_message.adapters.media.inspector import ProcessInspector
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.media_inspector import MediaDefectError

PROGRAM: Final = (sys.executable, "-S", str(child_program.__file__), "ready")
Make = Callable[..., Children]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Children] = []

    def make_children(
        count: int = 1, program: tuple[str, ...] = PROGRAM, wall_s: float = 60.0, idle_s: float = 60.0
    ) -> Children:
        made.append(Children(count, program=program, wall_s=wall_s, idle_s=idle_s))
        return made[-1]

    yield make_children
    for children in made:
        await children.aclose()


async def pid_of(children: Children, name: str = "pid", folder: Path = Path("/")) -> int:
    """That of the child that answered."""
    seen = (await children.ask("inspect", folder / name)).seen
    assert seen is not None
    assert seen.width is not None
    return seen.width


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def test_a_child_is_kept_for_the_next_file(make: Make) -> None:
    children = make(2)
    assert not any(child._process for child in children._children)
    first = await pid_of(children)
    assert await pid_of(children) == first
    assert [child._process is None for child in children._children].count(True) == 1


@pytest.mark.parametrize("name", ["die", "garbage", "half", "wrong-type", "wrong-size", "long", "endless"])
async def test_a_file_of_which_the_program_dies_or_talks_nonsense_is_a_defect(make: Make, name: str) -> None:
    children = make()
    before = await pid_of(children)
    with pytest.raises(MediaDefectError):
        await children.ask("inspect", Path("/", name))
    assert await pid_of(children) != before
    assert is_gone(before)


async def test_a_file_of_which_the_program_hangs_is_a_defect(make: Make, tmp_path: Path) -> None:
    with pytest.raises(MediaDefectError, match="too long"):
        await make(wall_s=0.05).ask("inspect", tmp_path / "hang")


async def test_other_files_do_not_wait_for_one_that_hangs(make: Make) -> None:
    children = make(2)
    hanging = asyncio.create_task(children.ask("inspect", Path("/hang")))
    await asyncio.sleep(0)
    assert len({await pid_of(children) for _ in range(3)}) == 1
    assert not hanging.done()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)


async def test_too_much_processor_time_is_a_defect_at_once(make: Make, tmp_path: Path) -> None:
    with pytest.raises(MediaDefectError, match="too long"):
        await make().ask("inspect", tmp_path / "spin")


async def test_a_child_is_replaced_after_many_files(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children_module, "MAX_FILES", 3)
    children = make()
    pids = [await pid_of(children) for _ in range(6)]
    assert pids[:3] == pids[:1] * 3
    assert pids[3:] == pids[3:4] * 3
    assert pids[0] != pids[3]
    assert is_gone(pids[0])


async def test_a_child_that_somebody_else_ended_is_replaced(make: Make, tmp_path: Path) -> None:
    children = make()
    before = await pid_of(children)
    os.kill(before, signal.SIGKILL)
    assert await pid_of(children) != before
    assert await pid_of(children, "die-once", tmp_path)


async def test_a_child_that_was_idle_for_long_is_replaced_and_the_file_is_not_blamed(
    make: Make, tmp_path: Path
) -> None:
    children = make()
    before = await pid_of(children, "last")
    process = children._children[0]._process
    assert process is not None
    process.wait()
    assert await pid_of(children, "die-once", tmp_path) != before


async def test_a_child_that_is_idle_ends_and_leaves_no_zombie(make: Make) -> None:
    children = make(idle_s=0.0)
    pid = await pid_of(children)

    async def gone() -> bool:
        return is_gone(pid)

    await until(gone, 20)
    assert children._children[0]._process is None
    assert await pid_of(children) != pid


async def test_a_child_that_works_is_not_ended_as_idle(make: Make) -> None:
    children = make(idle_s=3600.0)
    pid = await pid_of(children)
    child = children._children[0]
    first = child._rest
    assert first is not None
    assert await pid_of(children) == pid
    assert first.cancelled()
    assert child._rest is not None
    last = child._rest
    await children.aclose()
    assert last.cancelled()


@pytest.mark.parametrize(
    "program", [("/no/such/program",), (*PROGRAM[:-1], "something else"), (sys.executable, "-S", "-c", "")]
)
async def test_a_program_that_cannot_start_says_nothing_of_the_file(make: Make, program: tuple[str, ...]) -> None:
    with pytest.raises(UnavailableError):
        await make(program=program).ask("inspect", Path("/pid"))


async def test_a_program_that_never_starts_says_nothing_of_the_file(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children_module, "START_S", 0.05)
    with pytest.raises(UnavailableError):
        await make(program=(sys.executable, "-S", "-c", "import signal; signal.pause()")).ask("inspect", Path("/pid"))


async def test_a_video_of_which_the_program_dies_has_no_preview(make: Make) -> None:
    inspector = ProcessInspector(make())
    assert await inspector.preview(Path("/die")) is None
    with pytest.raises(MediaDefectError):
        await inspector.inspect(Path("/die"))


async def test_a_request_that_is_cancelled_ends_its_child(make: Make) -> None:
    children = make()
    before = await pid_of(children)
    hanging = asyncio.create_task(children.ask("inspect", Path("/hang")))
    await asyncio.sleep(0)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await pid_of(children) != before
    assert is_gone(before)


async def test_nothing_runs_after_the_end(make: Make) -> None:
    children = make()
    pid = await pid_of(children)
    hanging = asyncio.create_task(children.ask("inspect", Path("/hang")))
    waiting = asyncio.create_task(pid_of(children))
    await asyncio.sleep(0)
    await children.aclose()
    await children.aclose()
    for task in (hanging, waiting):
        with pytest.raises(UnavailableError):
            await task
    with pytest.raises(UnavailableError):
        await pid_of(children)
    assert is_gone(pid)


async def test_a_child_knows_no_secret_of_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRING_DATASOURCE_PASSWORD", "secret")
    answer = await make().ask("preview", Path("/environment"))
    assert answer.preview is not None
    assert set(json.loads(answer.preview)) <= {
        "PATH",
        "LD_LIBRARY_PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TMPDIR",
        "PYTHONPATH",
    }
