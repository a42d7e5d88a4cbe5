"""New accounts are placed at the provider with room, log in by a code and what it asks for, and send; what was perhaps made is found again."""

import pytest
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import Json
from tests.support.processes.two_providers import MAIN, SPARE, TwoProviders, two_providers

pytestmark = pytest.mark.e2e

ROOM = {f"APP_WEWORK_PROVIDERS_{code}_MAX_ACCOUNTS": str(room) for code, room in ((MAIN, 2), (SPARE, 3))}


async def test_accounts_land_by_room_and_one_logs_in_and_sends(backend: BackendSettings) -> None:
    async with two_providers(backend.folder, **ROOM, **backend.settings) as two:
        accounts = [await _placed(two, f"sales-{number}") for number in range(1, 4)]
        assert [account["bindings"][0]["providerCode"] for account in accounts] == [SPARE, MAIN, SPARE]
        (binding,) = accounts[1]["bindings"]
        message_id = await two.api.accept(_text("sales-2"))
        assert (await two.api.reaches(message_id, "HELD"))["reason"] == "ALL_OFFLINE"

        path = f"/api/accounts/sales-2/bindings/{binding['bindingId']}/login-code"
        code = (await two.api.client.post(path)).json()["data"]
        assert code["content"].startswith("https://")
        assert not two.service.has_written(code["content"])
        await two.main.simulator.ask_for_code(binding["guid"], "1688850000000042", "K7QZ35")
        tried = [await two.api.client.post(f"{path}/verify", json={"code": code}) for code in ("K7QZ36", "K7QZ35")]
        assert [answer.status_code for answer in tried] == [422, 200]
        await two.api.reaches(message_id, "DELIVERED")
        assert not two.service.has_written("K7QZ3")
        account = (await two.api.client.get("/api/accounts/sales-2")).json()["data"]
        assert (account["state"], account["vid"]) == ("ONLINE", "1688850000000042")
        assert (await two.api.client.post(path)).status_code == 409

        await two.main.simulator.fault("answer_lost", times=1, path="/client/create_client")
        lost = await two.api.client.post("/api/accounts", json={"accountId": "sales-4", "place": True})
        assert (lost.status_code, lost.json()["error"]) == (409, "ILLEGAL_STATE")
        clients = (await two.api.client.get(f"/api/providers/{MAIN}/clients?withoutAccount=true")).json()["data"]
        (guid,) = set(clients) - set(two.main.guids)
        bindings = [{"providerCode": MAIN, "guid": guid}]
        assert (
            await two.api.client.post("/api/accounts", json={"accountId": "sales-4", "bindings": bindings})
        ).status_code == 201
        assert len(clients) == len(two.main.guids) + 1


async def _placed(two: TwoProviders, account_id: str) -> Json:
    """Twice, as a client does that lost the first answer."""
    body = {"accountId": account_id, "place": True}
    first, again = [await two.api.client.post("/api/accounts", json=body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201), first.text + again.text
    account: Json = first.json()["data"]
    assert again.json()["data"]["bindings"] == account["bindings"]
    return account


def _text(account_id: str) -> Json:
    return {"accountId": account_id, "conversationId": "S:1", "messageType": "TEXT", "content": "from a new account"}
