"""An account with an instance at each of two providers survives the death of one, and nothing is sent twice."""

import asyncio
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import Json
from tests.support.processes.two_providers import MAIN, SPARE, TwoProviders, two_providers

pytestmark = pytest.mark.e2e

ACCOUNT: Final = "sales"


async def test_an_account_at_two_providers_fails_over_only_what_is_provably_unsent(backend: BackendSettings) -> None:
    async with two_providers(backend.folder, **backend.settings) as two:
        await _register(two)
        await two.main.simulator.fault("throttle", times=1)
        throttled = await two.api.accept(_text("throttled"))
        assert (await two.api.reaches(throttled, "DELIVERED"))["attempts"] == 2
        assert await _executed_at(two, throttled) == [SPARE]

        await until(lambda: _goes_to(two, MAIN, number=2))  # it is not throttled any more
        await two.main.simulator.fault("closed_before", times=1)
        lost = await two.api.accept(_text("lost", 2))
        assert (await two.api.reaches(lost, "UNKNOWN"))["attempts"] == 1

        two.main.program.kill()
        during = [await two.api.accept(_text(f"during {number}", number)) for number in range(10, 20)]
        await _all_delivered(two, during)
        two.main.program.start()

        assert await two.ledger.doubles() == {}
        assert [await _executed_at(two, message_id) for message_id in during] == [[SPARE]] * len(during)
        assert await _executed_at(two, lost) == []
        assert (await two.api.status(lost))["attempts"] == 1


async def _register(two: TwoProviders) -> None:
    bindings = [
        {"providerCode": provider.code, "guid": provider.guids[0], "priority": place}
        for place, provider in enumerate(two.providers)
    ]
    answer = await two.api.client.post("/api/accounts", json={"accountId": ACCOUNT, "bindings": bindings})
    assert answer.status_code == 201, answer.text


def _text(content: str, number: int = 1) -> Json:
    """Each conversation is a lane of its own."""
    return {"accountId": ACCOUNT, "conversationId": f"S:{number}", "messageType": "TEXT", "content": content}


async def _goes_to(two: TwoProviders, provider_code: str, *, number: int) -> bool:
    """Whether a message to this conversation would go to this provider now."""
    answer = await two.api.client.post("/api/routing/explain", json=_text("which way", number))
    decision = answer.json()["data"]
    chosen = [candidate for candidate in decision["candidates"] if candidate["bindingId"] == decision["chosen"]]
    return [candidate["providerCode"] for candidate in chosen] == [provider_code]


async def _executed_at(two: TwoProviders, message_id: str) -> list[str]:
    return [execution["providerCode"] for execution in await two.ledger.executions(message_id)]


async def _all_delivered(two: TwoProviders, message_ids: list[str]) -> None:
    await asyncio.gather(*(two.api.reaches(message_id, "DELIVERED") for message_id in message_ids))
