"""What a client's server and the service see of a fetch, in any adapter."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest
from tests.support.media.staged_files import FolderStaging, StagedBytes
from tests.unit.domain.test_outbound import TABLE

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.media_fetcher import Fetched, FetchOutcome, MediaFetcher

LONG_MS = 60_000
MAX_BYTES = 100_000
REFUSED_URLS = [url for url, expected, expected_opened in TABLE if expected != "ok" and expected_opened != "ok"]

NO_ADDRESS = "https://nowhere.example.com/"


class MediaSource(Protocol):
    """A client's server, at an address that the policy under test allows."""

    @property
    def url(self) -> str: ...

    @property
    def requests(self) -> int:
        """How many it received."""

    def answer(self, status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()) -> None:
        """With this from now on."""


class MediaFetcherContract:
    """Subclasses have the fixtures `fetcher`, `source`, `blocked_url` and `unknown_url`.

    The host of `blocked_url` has an address that is allowed and one that is not; that of `unknown_url` has none.
    """

    @pytest.fixture
    async def staged(self, tmp_path: Path) -> AsyncIterator[StagedBytes]:
        async with FolderStaging(tmp_path).file() as staged:
            yield staged

    async def fetch(self, fetcher: MediaFetcher, url: str, staged: StagedBytes) -> Fetched:
        return await fetcher.fetch(url, staged, max_bytes=MAX_BYTES, deadline_ms=LONG_MS)

    @pytest.mark.parametrize("size", [0, 1, 65_536, MAX_BYTES])
    async def test_the_bytes_come_as_they_are(
        self, fetcher: MediaFetcher, source: MediaSource, staged: StagedBytes, size: int
    ) -> None:
        body = bytes(range(256)) * (size // 256) + bytes(size % 256)
        source.answer(200, body)
        assert await self.fetch(fetcher, source.url, staged) == Fetched(FetchOutcome.FETCHED, 200)
        assert (staged.path.read_bytes(), staged.size, source.requests) == (body, size, 1)
        assert staged.max_piece <= 65_536

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            (201, FetchOutcome.REFUSED),
            (204, FetchOutcome.REFUSED),
            (206, FetchOutcome.REFUSED),
            (301, FetchOutcome.REDIRECT),
            (304, FetchOutcome.REDIRECT),
            (308, FetchOutcome.REDIRECT),
            (401, FetchOutcome.REFUSED),
            (403, FetchOutcome.REFUSED),
            (404, FetchOutcome.REFUSED),
            (408, FetchOutcome.BUSY),
            (425, FetchOutcome.BUSY),
            (429, FetchOutcome.BUSY),
            (500, FetchOutcome.BUSY),
            (503, FetchOutcome.BUSY),
        ],
    )
    async def test_another_status_gives_no_bytes(
        self, fetcher: MediaFetcher, source: MediaSource, staged: StagedBytes, status: int, outcome: FetchOutcome
    ) -> None:
        source.answer(status)
        assert await self.fetch(fetcher, source.url, staged) == Fetched(outcome, status)
        assert (staged.size, source.requests) == (0, 1)

    @pytest.mark.parametrize(("value", "wait_ms"), [("7", 7_000), ("soon", None)])
    @pytest.mark.parametrize("status", [429, 503])
    async def test_a_busy_server_says_when_to_come_again(
        self, fetcher: MediaFetcher, source: MediaSource, staged: StagedBytes, status: int, value: str, wait_ms: int
    ) -> None:
        source.answer(status, headers=(("retry-after", value),))
        assert await self.fetch(fetcher, source.url, staged) == Fetched(FetchOutcome.BUSY, status, wait_ms)

    @pytest.mark.parametrize("size", [MAX_BYTES + 1, 21_000_000])
    async def test_too_many_bytes_are_not_kept(
        self, fetcher: MediaFetcher, source: MediaSource, staged: StagedBytes, size: int
    ) -> None:
        source.answer(200, bytes(size))
        assert await self.fetch(fetcher, source.url, staged) == Fetched(FetchOutcome.TOO_LARGE, 200)
        assert staged.size == 0

    async def test_a_page_is_fetched_like_any_bytes(
        self, fetcher: MediaFetcher, source: MediaSource, staged: StagedBytes
    ) -> None:
        source.answer(200, b"<!DOCTYPE html><p>not here", headers=(("content-type", "image/jpeg"),))
        assert (await self.fetch(fetcher, source.url, staged)).outcome is FetchOutcome.FETCHED
        assert staged.path.read_bytes() == b"<!DOCTYPE html><p>not here"

    async def test_an_unknown_name_is_worth_another_try(
        self, fetcher: MediaFetcher, unknown_url: str, staged: StagedBytes
    ) -> None:
        assert await self.fetch(fetcher, unknown_url, staged) == Fetched(FetchOutcome.FAILED)

    async def test_a_name_with_one_forbidden_address_is_blocked(
        self, fetcher: MediaFetcher, source: MediaSource, blocked_url: str, staged: StagedBytes
    ) -> None:
        source.answer(200, b"inside")
        assert await self.fetch(fetcher, blocked_url, staged) == Fetched(FetchOutcome.BLOCKED)
        assert (source.requests, staged.size) == (0, 0)

    async def test_the_urls_that_webhooks_may_not_name_are_blocked(
        self, fetcher: MediaFetcher, staged: StagedBytes
    ) -> None:
        outcomes = {url: (await self.fetch(fetcher, url, staged)).outcome for url in REFUSED_URLS}
        assert len(REFUSED_URLS) >= 50
        assert {url for url, outcome in outcomes.items() if outcome is not FetchOutcome.BLOCKED} <= {NO_ADDRESS}
        assert FetchOutcome.FETCHED not in outcomes.values()

    async def test_a_full_medium_is_told(self, fetcher: MediaFetcher, source: MediaSource, tmp_path: Path) -> None:
        source.answer(200, bytes(MAX_BYTES))
        async with FolderStaging(tmp_path, 40_000).file() as staged:
            with pytest.raises(UnavailableError):
                await self.fetch(fetcher, source.url, staged)
