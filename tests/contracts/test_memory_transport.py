"""The cluster that tests use keeps the contract of the real one, whatever else it does with messages."""

import pytest
from tests.contracts.transport_contract import SendBatch, TransportContract
from tests.support.queues.memory_transport import MemoryTransport


class TestMemoryTransport(TransportContract):
    @pytest.fixture(params=[(None, "copies"), (7, "copies"), (7, "same")], ids=["in order", "shuffled", "not copied"])
    def transport(self, request: pytest.FixtureRequest) -> MemoryTransport:
        seed, redelivers = request.param
        return MemoryTransport(seed=seed, lease_scale=0.05, wait_s=0.01, redelivers=redelivers)

    @pytest.fixture
    def send_batch(self, transport: MemoryTransport) -> SendBatch:
        return transport.put_batch

    @pytest.fixture
    def topic(self) -> str:
        return "topic"

    @pytest.fixture
    def group(self) -> str:
        return "group"
