"""A standby at another provider takes over when the provider of the HOT binding is killed, and nothing is sent twice.

Where both have a device slot of their own this happens by itself; where they share one, only a person may take it from an instance
that may be online.
"""

import asyncio
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import LONG_S, Json
from tests.support.processes.two_providers import MAIN, SPARE, TwoProviders, two_providers

pytestmark = pytest.mark.e2e

APART: Final = "apart"
TOGETHER: Final = "together"
ACCOUNTS: Final = {APART: ("desktop", "ipad"), TOGETHER: ("desktop", "desktop")}
"""The device slots of the HOT binding and of the standby; each account has the instances of its number."""

ONLINE: Final = 2
STOPPED: Final = 0


async def test_a_standby_takes_over_where_the_provider_of_the_hot_binding_dies(backend: BackendSettings) -> None:
    async with two_providers(backend.folder, **backend.settings) as two:
        for number, (account_id, slots) in enumerate(ACCOUNTS.items()):
            await two.spare.simulator.set_guid(two.spare.guids[number], STOPPED)
            await _register(two, account_id, number, slots)
        before = [await two.api.accept(_text(account_id, "before", 1)) for account_id in ACCOUNTS]
        await _all_delivered(two, before)

        two.main.program.kill()
        during = {
            account_id: [await two.api.accept(_text(account_id, f"during {number}", number)) for number in range(2, 10)]
            for account_id in ACCOUNTS
        }
        await _all_delivered(two, during[APART])
        assert await _standbys(two, APART) == {MAIN: "HOT", SPARE: "HOT"}

        await until(lambda: _counted(two, "SLOT_OCCUPIED"), LONG_S, every_s=0.1)
        assert await _standbys(two, TOGETHER) == {MAIN: "HOT", SPARE: "WARM"}
        path = f"/api/accounts/{TOGETHER}/bindings/bind:{SPARE}:{two.spare.guids[1]}/activate"
        await until(lambda: _demoted(two, path), 3 * LONG_S, every_s=0.5)
        await _all_delivered(two, during[TOGETHER])

        two.main.program.start()
        after = [await two.api.accept(_text(TOGETHER, f"after {number}", number)) for number in range(10, 15)]
        await _all_delivered(two, after)
        assert await _standbys(two, TOGETHER) == {MAIN: "WARM", SPARE: "HOT"}

        assert await two.ledger.doubles() == {}
        assert [await _executed_at(two, message_id) for message_id in before] == [[MAIN]] * len(before)
        moved = [*during[APART], *during[TOGETHER], *after]
        assert [await _executed_at(two, message_id) for message_id in moved] == [[SPARE]] * len(moved)


async def _register(two: TwoProviders, account_id: str, number: int, slots: tuple[str, str]) -> None:
    bindings = [
        {"providerCode": provider.code, "guid": provider.guids[number], "standby": standby, "deviceSlot": slot}
        for provider, standby, slot in zip(two.providers, ("HOT", "WARM"), slots, strict=True)
    ]
    answer = await two.api.client.post("/api/accounts", json={"accountId": account_id, "bindings": bindings})
    assert answer.status_code == 201, answer.text


def _text(account_id: str, content: str, number: int) -> Json:
    """Each conversation is a lane of its own; every content occurs once."""
    return {
        "accountId": account_id, "conversationId": f"S:{number}", "messageType": "TEXT",
        "content": f"{account_id} {content}",
    }  # fmt: skip


async def _standbys(two: TwoProviders, account_id: str) -> dict[str, str]:
    bindings = (await two.api.client.get(f"/api/accounts/{account_id}")).json()["data"]["bindings"]
    return {binding["providerCode"]: binding["standby"] for binding in bindings}


async def _demoted(two: TwoProviders, path: str) -> bool:
    """Whether a person has activated it; False while the service's own loop looks after the account, which is 409 meanwhile."""
    answer = await two.api.client.post(path, params={"demote": "true"}, timeout=LONG_S)
    assert answer.status_code == 200 or "being activated already" in answer.text, answer.text
    return answer.is_success


async def _counted(two: TwoProviders, event: str) -> bool:
    metrics = (await two.api.client.get("/actuator/prometheus")).text
    counts = [
        line.rpartition(" ")[2] for line in metrics.splitlines() if f'wm_standby_total{{event="{event}"}}' in line
    ]
    return any(float(count) > 0 for count in counts)


async def _executed_at(two: TwoProviders, message_id: str) -> list[str]:
    return [execution["providerCode"] for execution in await two.ledger.executions(message_id)]


async def _all_delivered(two: TwoProviders, message_ids: list[str]) -> None:
    await asyncio.gather(*(two.api.reaches(message_id, "DELIVERED") for message_id in message_ids))
