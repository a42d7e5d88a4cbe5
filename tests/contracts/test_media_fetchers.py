from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest
from tests.contracts.media_fetcher_contract import MediaFetcherContract
from tests.support.media.sources import ScriptedSource, SocketSource, socket_source
from tests.support.media.staged_files import StagedBytes
from tests.support.providers.outbound_receiver import ScriptedResolver
from tests.unit.domain.test_outbound import NAMES

from wework_message.adapters.memory.media_fetcher import MemoryMediaFetcher
from wework_message.adapters.outbound.pinned_fetcher import PinnedFetcher
from wework_message.domain.media.fetched import Fetched, FetchOutcome
from wework_message.domain.outbound import AddressPolicy, networks_of

NAMES_OF_TABLE = {host: [texts] for host, texts in NAMES.items()}


class TestMemoryMediaFetcher(MediaFetcherContract):
    @pytest.fixture
    def fetcher(self) -> MemoryMediaFetcher:
        fetcher = MemoryMediaFetcher()
        for host, texts in {**NAMES, "two.example.com": "1.1.1.1 10.0.0.1", "unknown.example.com": ""}.items():
            fetcher.addresses[host] = [ip_address(text) for text in texts.split()]
        return fetcher

    @pytest.fixture
    def source(self, fetcher: MemoryMediaFetcher) -> ScriptedSource:
        return ScriptedSource(fetcher)

    @pytest.fixture
    def unknown_url(self) -> str:
        return "https://unknown.example.com/a.jpg"

    @pytest.fixture
    def blocked_url(self) -> str:
        return "https://two.example.com/a.jpg"


class TestPinnedFetcher(MediaFetcherContract):
    @pytest.fixture
    async def source(self) -> AsyncIterator[SocketSource]:
        async with socket_source() as source:
            yield source

    @pytest.fixture
    def fetcher(self) -> PinnedFetcher:
        resolver = ScriptedResolver({**NAMES_OF_TABLE, "two.example.com": ["127.0.0.1 10.0.0.1"]})
        return PinnedFetcher(AddressPolicy(networks_of(("127.0.0.1",))), resolver)

    @pytest.mark.parametrize("coding", ["gzip", "br, identity", "x"])
    async def test_bytes_in_a_coding_that_was_not_asked_for_are_not_the_file(
        self, fetcher: PinnedFetcher, source: SocketSource, staged: StagedBytes, coding: str
    ) -> None:
        source.answer(200, b"packed", headers=(("content-encoding", coding),))
        assert await self.fetch(fetcher, source.url, staged) == Fetched(FetchOutcome.REFUSED, 200)
        assert staged.size == 0
        source.answer(200, b"plain", headers=(("content-encoding", "Identity"),))
        assert (await self.fetch(fetcher, source.url, staged)).outcome is FetchOutcome.FETCHED

    @pytest.fixture
    def unknown_url(self) -> str:
        return "https://unknown.example.com/a.jpg"

    @pytest.fixture
    def blocked_url(self, source: SocketSource) -> str:
        return source.url.replace("127.0.0.1", "two.example.com")
