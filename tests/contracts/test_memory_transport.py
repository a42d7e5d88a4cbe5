"""The cluster that tests use keeps the contract of the real one, whatever else it does with messages."""

import pytest
from tests.contracts.transport_contract import TransportContract
from tests.support.queues.memory_transport import MemoryTransport


class TestMemoryTransport(TransportContract):
    @pytest.fixture(params=[None, 7], ids=["in order", "shuffled"])
    def transport(self, request: pytest.FixtureRequest) -> MemoryTransport:
        return MemoryTransport(seed=request.param, lease_scale=0.05, wait_s=0.01)

    @pytest.fixture
    def topic(self) -> str:
        return "topic"

    @pytest.fixture
    def group(self) -> str:
        return "group"
