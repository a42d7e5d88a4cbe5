"""`kill -9` between the transaction that stores a callback and the one that applies it: the next process applies it."""

from pathlib import Path

import pytest
from tests.support.polling import until
from tests.support.processes import process_holds_projector
from tests.support.processes.process_holds_projector import HELD
from tests.support.processes.running_service import running_service, text

pytestmark = pytest.mark.e2e


async def test_what_a_killed_process_stored_and_did_not_apply_is_applied_by_the_next_one(tmp_path: Path) -> None:
    """The echo of a send without an answer, and a failure that the server reports later. Nothing is delivered again."""
    async with running_service(tmp_path, module=process_holds_projector.__name__) as running:
        await running.simulator.hold_echoes()
        await running.simulator.fault("answer_lost", times=1)
        echoed = await running.api.accept(text(conversationId="S:1"))
        await running.api.reaches(echoed, "UNKNOWN")
        await running.simulator.fault("send_fail_later", times=1)
        failed = await running.api.accept(text(conversationId="S:2"))
        await running.api.reaches(failed, "SENT")
        (tmp_path / HELD).touch()
        await running.simulator.release_echoes()

        async def states() -> list[str]:
            answer = await running.api.client.get("/api/callbacks/g1/recent")
            return [item["state"] for item in answer.json()["data"]]

        async def stored() -> bool:
            return (await states()).count("PENDING") >= 2

        await until(stored)
        running.simulator_program.kill()
        running.service.kill()
        (tmp_path / HELD).unlink()
        running.service.start()
        assert (await running.api.reaches(echoed, "DELIVERED"))["attempts"] == 1
        assert (await running.api.reaches(failed, "FAILED"))["reason"] == "SEND_FAILED_LATER"
        assert set(await states()) == {"APPLIED"}
