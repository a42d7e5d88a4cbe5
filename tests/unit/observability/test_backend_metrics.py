from dataclasses import dataclass, field

import pytest

from wework_message.adapters.observability.metrics import Metrics
from wework_message.adapters.sql.core.pools import Turn
from wework_message.application.queries.service import Condition, InProcess
from wework_message.domain.ports.connection_pools import POOLS


@dataclass
class Server:
    healthy: bool | None
    kind: str = "redis"
    server: bool = field(default=True)

    def condition(self) -> Condition:
        return Condition(self.healthy)


def test_the_metrics_know_every_pool_of_a_store() -> None:
    """One tuple serves both; dashboards and alerts name its values."""
    assert POOLS == ("write", "read", "search")


async def test_a_pool_is_shown_as_it_is_at_the_scrape() -> None:
    metrics, turn = Metrics(providers=(), routes=()), Turn(2, lambda: 5)
    value = metrics.registry.get_sample_value
    assert value("wm_db_pool_connections", {"pool": "write", "state": "used"}) is None
    assert [value("wm_db_pool_wait_seconds_count", {"pool": pool}) for pool in POOLS] == [0, 0, 0]
    metrics.backends.watch_pools([turn])
    await turn.acquire()
    assert value("wm_db_pool_connections", {"pool": "write", "state": "used"}) == 1
    assert value("wm_db_pool_connections", {"pool": "write", "state": "idle"}) == 5
    assert value("wm_db_pool_limit", {"pool": "write"}) == 2
    assert value("wm_db_pool_wait_seconds_count", {"pool": "write"}) == 1
    turn.release()
    assert value("wm_db_pool_connections", {"pool": "write", "state": "used"}) == 0


@pytest.mark.parametrize(("healthy", "shown"), [(True, 1), (False, 0), (None, None)])
def test_a_part_on_a_server_is_up_down_or_not_observed(healthy: bool | None, shown: float | None) -> None:
    metrics = Metrics(providers=(), routes=())
    metrics.backends.watch_servers({"cache": Server(healthy), "queue": InProcess("memory"), "workers": Server(healthy)})
    metrics.backends.watch_servers({"nacos-registration": Server(healthy)})
    assert metrics.registry.get_sample_value("wm_backend_up", {"part": "nacos-registration"}) == shown
    assert metrics.registry.get_sample_value("wm_backend_up", {"part": "cache"}) == shown
    assert metrics.registry.get_sample_value("wm_backend_up", {"part": "queue"}) is None
    assert metrics.registry.get_sample_value("wm_backend_up", {"part": "workers"}) is None
