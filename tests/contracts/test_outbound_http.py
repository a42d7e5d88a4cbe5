from collections.abc import AsyncIterator

import pytest
from tests.contracts.outbound_contract import OutboundContract
from tests.support.providers.outbound_receiver import OutboundReceiver, ScriptedResolver, outbound_receiver

from wework_message.adapters.outbound.pinned_http import PinnedHttp
from wework_message.domain.outbound import AddressPolicy, networks_of


class TestPinnedHttp(OutboundContract):
    @pytest.fixture
    async def receiver(self) -> AsyncIterator[OutboundReceiver]:
        async with outbound_receiver() as receiver:
            yield receiver

    @pytest.fixture
    async def outbound(self) -> AsyncIterator[PinnedHttp]:
        resolver = ScriptedResolver({"two.example.com": ["127.0.0.1 10.0.0.1"]})
        http = PinnedHttp(AddressPolicy(networks_of(("127.0.0.1",))), resolver)
        yield http
        await http.aclose()

    @pytest.fixture
    def unknown_url(self) -> str:
        return "https://nowhere.example.com/hook"

    @pytest.fixture
    def blocked_url(self, receiver: OutboundReceiver) -> str:
        return receiver.url.replace("127.0.0.1", "two.example.com")
