"""Two providers behind one service: each message goes to one of them, at most once, whatever happens at the other."""

import asyncio
from typing import Final

import pytest
from tests.support.processes.backends import BackendSettings
from tests.support.processes.two_providers import MAIN, SPARE, TwoProviders, message_id_of, two_providers

pytestmark = pytest.mark.e2e

FAULTS: Final = {"gz-1": "answer_lost", "gz-2": "http_500_after", "gz-3": "closed_before", "gz-4": "throttle"}
"""The fault of the first call of each instance of the main provider; only that of gz-3 leaves no evidence."""


async def test_faults_and_an_outage_of_one_provider_double_nothing_and_leave_the_other_alone(
    backend: BackendSettings,
) -> None:
    async with two_providers(backend.folder, **backend.settings) as two:
        for guid, kind in FAULTS.items():
            await two.main.simulator.fault(kind, times=1, guid=guid)
        first = await _accepted(two, "first")
        await _all_delivered(two, first[SPARE])
        lost = first[MAIN].pop(2)
        assert (await two.api.reaches(lost, "UNKNOWN"))["attempts"] == 1
        await _all_delivered(two, first[MAIN])

        two.main.program.kill()
        second = await _accepted(two, "second")
        await _all_delivered(two, second[SPARE])
        for message_id in second[MAIN]:
            assert (await two.api.status(message_id))["status"] in {"QUEUED", "SENDING", "RETRY_WAIT", "HELD"}
        two.main.program.start()
        await _all_delivered(two, second[MAIN])

        assert await two.ledger.doubles() == {}
        executed = await two.ledger.executions()
        for code in (MAIN, SPARE):
            at_provider = [message_id_of(call) for call in executed if call["providerCode"] == code]
            assert sorted(at_provider) == sorted(first[code] + second[code])


async def _accepted(two: TwoProviders, name: str) -> dict[str, list[str]]:
    """One message through each instance, each in a lane of its own; their ids by provider."""
    return {
        provider.code: [
            await two.api.accept(provider.text(f"{name} {guid}", instance=number, conversationId=f"S:{len(name)}"))
            for number, guid in enumerate(provider.guids)
        ]
        for provider in two.providers
    }


async def _all_delivered(two: TwoProviders, message_ids: list[str]) -> None:
    await asyncio.gather(*(two.api.reaches(message_id, "DELIVERED") for message_id in message_ids))
