import dataclasses
from typing import Any

import pytest
from tests.contracts.health_board_contract import a_report
from tests.support.apps.guxing_app import GUXING, a_policy, a_provider
from tests.support.apps.rest import TEXT, Rest, serving
from tests.support.builders.messages import BACKUP

from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.application.policy import InstancePolicy
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState

HEALTHS = ["/actuator/health", "/actuator/health/readiness"]


@pytest.mark.parametrize("path", [*HEALTHS, "/actuator/health/liveness", "/api/health"])
async def test_a_process_that_works_is_up(idle: Rest, path: str) -> None:
    for prefix in ("", "/message"):
        answer = await idle.get(prefix + path)
        body = answer.json()
        assert (answer.status_code, body.get("data", body)["status"]) == (200, "UP")


@pytest.mark.parametrize("path", HEALTHS)
async def test_readiness_is_503_without_the_database(idle: Rest, path: str) -> None:
    idle.in_memory_app.database.away = True
    answer = await idle.get(path)
    assert (answer.status_code, answer.json()["status"]) == (503, "DOWN")
    assert answer.json()["components"]["db"] == {"status": "DOWN"}


@pytest.mark.parametrize("path", HEALTHS)
async def test_readiness_is_503_while_the_process_drains(idle: Rest, path: str) -> None:
    idle.in_memory_app.application.service.draining = True
    answer = await idle.get(path)
    assert (answer.status_code, answer.json()["status"]) == (503, "OUT_OF_SERVICE")


async def test_liveness_has_no_dependencies(idle: Rest) -> None:
    idle.in_memory_app.database.away = True
    idle.in_memory_app.application.service.draining = True
    assert (await idle.get("/actuator/health/liveness")).json() == {"status": "UP"}


async def test_health_is_200_while_the_process_lives_and_names_what_is_wrong(idle: Rest) -> None:
    idle.in_memory_app.database.away = True
    answer = await idle.get("/api/health")
    data = answer.json()["data"]
    assert answer.status_code == 200
    assert (data["status"], data["database"]["healthy"], data["database"]["status"]) == ("DOWN", False, "DOWN")


async def test_health_lists_its_parts_and_javas_fields(idle: Rest) -> None:
    data = (await idle.get("/api/health")).json()["data"]
    assert data["parts"] == {"database": "memory", "queue": "in-process"}
    assert (data["redis"]["healthy"], data["redis"]["status"]) == (None, "NOT_CONFIGURED")
    assert (data["workers"]["healthy"], data["workers"]["status"]) == (None, "NOT_CONFIGURED")
    providers = data["providers"]
    assert (providers["healthy"], providers["status"], providers["details"]) == (None, "UNKNOWN", {GUXING: None})
    assert {key: providers["stats"][key] for key in ("total", "enabled", "healthy")} == {
        "total": 1,
        "enabled": 1,
        "healthy": 0,
    }


async def test_a_providers_health_is_null_until_it_is_observed_and_then_the_observation(idle: Rest) -> None:
    async def healthy() -> Any:
        listed = (await idle.get(f"/api/providers/{GUXING}")).json()["data"]["healthy"]
        by_code = (await idle.get("/api/providers/health")).json()["data"][GUXING]
        own = (await idle.get(f"/api/providers/{GUXING}/health")).json()["data"]["healthy"]
        assert listed is by_code is own
        return own

    assert await healthy() is None
    idle.in_memory_app.board.probed(GUXING, True, 1)
    assert await healthy() is True
    idle.in_memory_app.board.probed(GUXING, False, 2)
    assert await healthy() is False
    assert (await idle.get("/api/health")).json()["data"]["providers"]["status"] == "DOWN"


async def test_the_default_provider_is_the_enabled_one_with_the_smallest_priority() -> None:
    backup, spare = ProviderCode("BACKUP_PROVIDER_A"), ProviderCode("BACKUP_PROVIDER_B")
    policy = a_policy(
        a_provider(priority=2), a_provider(code=backup, priority=1, enabled=False), a_provider(code=spare, priority=3)
    )
    async with serving(policy) as rest:
        assert (await rest.get("/api/providers/default")).json()["data"]["code"] == GUXING
        codes = [provider["code"] for provider in (await rest.get("/providers")).json()["data"]]
        assert codes == [GUXING, backup, spare]


async def test_the_default_provider_is_a_healthy_one_where_there_is_one() -> None:
    second = ProviderCode("BACKUP_PROVIDER_A")
    async with serving(a_policy(a_provider(priority=1), a_provider(code=second, priority=2))) as rest:

        async def default() -> object:
            return (await rest.get("/providers/default")).json()["data"]["code"]

        assert await default() == GUXING
        rest.in_memory_app.board.probed(GUXING, False, 1)
        assert await default() == second  # nothing is known of it, and the other is down
        rest.in_memory_app.board.probed(second, False, 2)
        assert await default() == GUXING
        rest.in_memory_app.board.probed(second, True, 3)
        assert await default() == second
        rest.in_memory_app.board.probed(GUXING, True, 4)
        assert await default() == GUXING


async def test_no_enabled_provider_is_404() -> None:
    async with serving(a_policy(a_provider(enabled=False))) as rest:
        assert (await rest.get("/api/providers/default")).status_code == 404


async def test_stats_count_finished_calls(rest: Rest) -> None:
    await rest.sent()
    data = (await rest.get("/api/providers/stats")).json()["data"]
    (provider,) = data["providers"]
    assert (provider["sent"], provider["succeeded"], provider["successRate"]) == (1, 1, 1.0)
    assert (provider["byType"], provider["byOutcome"], provider["breaker"]) == ({"TEXT": 1}, {"ACCEPTED": 1}, "CLOSED")


async def test_health_and_stats_show_pauses_silent_bindings_and_accounts_that_cannot_fail_over(rest: Rest) -> None:
    await rest.sent()
    board = rest.in_memory_app.board
    board.report(a_report(OutcomeClass.THROTTLED, retry_after_ms=4_000))
    (unechoed,) = board.unechoed(0)
    board.degrade(unechoed.binding_id)
    health = (await rest.get(f"/api/providers/{GUXING}/health")).json()["data"]
    assert (health["breaker"], health["throttledMs"], health["degradedBindings"]) == ("CLOSED", 4_000, 1)
    (counted,) = (await rest.get("/api/providers/stats")).json()["data"]["providers"]
    assert counted["accountsWithoutSibling"] == 1
    assert (await rest.get(f"/api/providers/{GUXING}")).json()["data"]["bindings"] == 1
    page = (await rest.get(f"/api/providers/{GUXING}/accounts-without-sibling")).json()["data"]
    assert page["nextCursor"] is None
    assert [account["guid"] for account in page["items"]] == [unechoed.guid]


async def test_accounts_without_a_sibling_come_in_pages(rest: Rest) -> None:
    for number in range(3):
        await rest.sent(guid=f"guid-{number}")
    path = f"/api/providers/{GUXING}/accounts-without-sibling?limit=2"
    first = (await rest.get(path)).json()["data"]
    last = (await rest.get(f"{path}&cursor={first['nextCursor']}")).json()["data"]
    assert [account["accountId"] for account in first["items"]] == ["guid:guid-0", "guid:guid-1"]
    assert ([account["accountId"] for account in last["items"]], last["nextCursor"]) == (["guid:guid-2"], None)
    assert (await rest.get(f"{path}&cursor=*")).status_code == 422
    assert (await rest.get("/api/providers/NONE/accounts-without-sibling")).status_code == 404


async def test_the_clients_of_a_provider_are_its_guids_in_a_bare_array(rest: Rest) -> None:
    gateway = rest.in_memory_app.gateway
    assert isinstance(gateway, MemoryInstanceGateway)
    gateway.guids = [Guid(guid) for guid in ("c", "a", "b")]
    path = f"/api/providers/{GUXING}/clients"
    assert (await rest.get(path)).json()["data"] == ["a", "b", "c"]
    first = await rest.get(f"{path}?limit=2")
    rest_of_them = await rest.get(f"{path}?limit=2&cursor={first.headers['x-next-cursor']}")
    assert (first.json()["data"], rest_of_them.json()["data"]) == (["a", "b"], ["c"])
    assert "x-next-cursor" not in rest_of_them.headers
    gateway.states[Guid("a")] = ClientState.ONLINE
    assert (await rest.get(f"{path}/a/status")).json()["data"] == {"guid": "a", "state": "ONLINE"}
    for no_guid in ("%00", "%C3%A9", "a%20b", "a" * 129):
        assert (await rest.get(f"{path}/{no_guid}/status")).status_code == 404, no_guid
    gateway.answers = False
    assert (await rest.get(path)).status_code == 503
    assert (await rest.get("/api/providers/NONE/clients")).status_code == 404


async def test_a_protocol_that_cannot_list_its_instances_says_so() -> None:
    async with serving(a_policy(a_provider(code=BACKUP))) as rest:
        answer = await rest.get(f"/api/providers/{BACKUP}/clients")
        assert (answer.status_code, answer.json()["error"]) == (501, "NOT_IMPLEMENTED")
        assert "cannot list" in answer.text


async def test_a_conversation_is_marked_as_read_where_the_settings_allow_it() -> None:
    policy = dataclasses.replace(a_policy(a_provider()), instances={GUXING: InstancePolicy(mark_read=True)})
    async with serving(policy) as rest:
        await rest.sent()
        gateway = rest.in_memory_app.gateway
        assert isinstance(gateway, MemoryInstanceGateway)
        path = "/api/conversations/S%3A7881301000000001/read"
        answer = await rest.post(f"{path}?guid={TEXT['guid']}")
        expected = {"read": True, "providerCode": GUXING, "guid": TEXT["guid"], "errorCode": None, "errorMessage": None}
        assert (answer.status_code, answer.json()["data"]) == (200, expected)
        assert gateway.read == [(TEXT["guid"], "S:7881301000000001")]
        for query, status in (("", 422), ("?guid=a&accountId=b", 422), ("?guid=nobody", 422)):
            assert (await rest.post(path + query)).status_code == status
        assert (await rest.post(path)).json()["errors"][0]["code"] == "REQUIRED"
        assert (await rest.post(f"/api/conversations/nonsense/read?guid={TEXT['guid']}")).status_code == 422


async def test_marking_as_read_is_off_by_default(rest: Rest) -> None:
    await rest.sent()
    answer = await rest.post(f"/api/conversations/S%3A1/read?guid={TEXT['guid']}")
    assert (answer.status_code, answer.json()["error"]) == (501, "NOT_IMPLEMENTED")


async def test_info_names_the_version_and_the_simulator(idle: Rest) -> None:
    expected = {"app": {"name": "wework-message", "version": "0.1.0"}, "simulated": True}
    assert (await idle.get("/actuator/info")).json() == expected


async def test_metrics_are_what_the_renderer_returns() -> None:
    async def render() -> tuple[bytes, str]:
        return b"wm_up 1\n", "text/plain; version=0.0.4"

    async with serving(metrics=render) as rest:
        answer = await rest.get("/message/actuator/prometheus")
        assert (answer.text, answer.headers["content-type"]) == ("wm_up 1\n", "text/plain; version=0.0.4")


async def test_without_a_renderer_there_are_no_metrics(idle: Rest) -> None:
    assert (await idle.get("/actuator/prometheus")).status_code == 404


async def test_a_store_that_is_away_is_503_for_questions_too(idle: Rest) -> None:
    idle.in_memory_app.database.away = True
    assert (await idle.post("/api/messages/some-id/cancel")).status_code == 503
