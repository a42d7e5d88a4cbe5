from typing import Any

import pytest
from tests.support.apps.guxing_app import GUXING, a_policy, a_provider
from tests.support.apps.rest import Rest, serving

from wework_message.domain.ids import ProviderCode

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


async def test_no_enabled_provider_is_404() -> None:
    async with serving(a_policy(a_provider(enabled=False))) as rest:
        assert (await rest.get("/api/providers/default")).status_code == 404


async def test_stats_count_finished_calls(rest: Rest) -> None:
    await rest.sent()
    data = (await rest.get("/api/providers/stats")).json()["data"]
    (provider,) = data["providers"]
    assert (provider["sent"], provider["succeeded"], provider["successRate"]) == (1, 1, 1.0)
    assert (provider["byType"], provider["byOutcome"], provider["breaker"]) == ({"TEXT": 1}, {"ACCEPTED": 1}, "CLOSED")


async def test_the_clients_of_a_provider_come_later(idle: Rest) -> None:
    answer = await idle.get(f"/api/providers/{GUXING}/clients")
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
