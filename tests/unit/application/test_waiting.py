import asyncio

import pytest

from wework_message.application.waiting import ends_within


async def _raise() -> None:
    raise LookupError("a defect")


async def test_work_that_ends_in_time_did_end_and_its_error_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    assert await ends_within(asyncio.sleep(0), 30, "sleep")
    with pytest.raises(LookupError):
        await ends_within(_raise(), 30, "raise")
    assert caplog.text == ""


async def test_work_that_does_not_end_is_cancelled_and_named(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert not await ends_within(hang(), 0.01, "the last commit")
    await cancelled.wait()
    assert "the last commit did not end within" in caplog.text


async def test_work_of_a_caller_that_is_cancelled_is_cancelled_too() -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    caller = asyncio.create_task(ends_within(hang(), 30, "hang"))
    await began.wait()
    caller.cancel()
    await cancelled.wait()
    with pytest.raises(asyncio.CancelledError):
        await caller
