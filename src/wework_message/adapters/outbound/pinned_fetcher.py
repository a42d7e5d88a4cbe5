"""Fetches media of clients, each over a connection of its own to an address that was checked (ADR 55, ADR 66)."""

import asyncio
import ssl
from functools import cached_property
from pathlib import Path
from typing import Final

from wework_message.adapters.http import Download, LostError, NotWrittenError, retry_after_ms, verifying_context
from wework_message.adapters.outbound.pinning import USER_AGENT, BlockedError, Pinned, Pinning
from wework_message.adapters.outbound.resolver import Resolver
from wework_message.domain.errors import UnavailableError
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.outcomes import Reason
from wework_message.domain.ports.media_fetcher import Fetched, FetchOutcome, MediaFetcher
from wework_message.domain.ports.media_store import StagedFile

_HEADERS: Final = (USER_AGENT, ("accept", "*/*"), ("accept-encoding", "identity"))


class PinnedFetcher:
    """Fetches; holds no connection between two calls."""

    def __init__(self, policy: AddressPolicy, resolver: Resolver, *, ca_file: Path | None = None) -> None:
        """`ca_file`: PEM certificates that are trusted instead of those of the system."""
        self._pinning = Pinning(policy, resolver)
        self._ca_file = ca_file

    async def fetch(self, url: str, into: StagedFile, *, max_bytes: int, deadline_ms: int) -> Fetched:
        until = asyncio.get_running_loop().time() + deadline_ms / 1000
        try:
            pinned = await self._pinning.pin(url, until)
            async with asyncio.timeout_at(until):
                return await self._fetch(pinned, into, max_bytes, until)
        except BlockedError:
            return Fetched(FetchOutcome.BLOCKED)
        except LostError as error:
            has_too_much = error.reason is Reason.OVERSIZE and error.status is not None
            return Fetched(FetchOutcome.TOO_LARGE if has_too_much else FetchOutcome.FAILED, error.status)
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 -- no address, no connection, too late, or a defect of ours: it may be tried again
            return Fetched(FetchOutcome.FAILED)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return verifying_context(self._ca_file)

    async def _fetch(self, pinned: Pinned, into: StagedFile, max_bytes: int, until: float) -> Fetched:
        for address, _, connect_ms in pinned.tries(until):
            try:
                return await self._get(pinned, address, into, max_bytes, connect_ms / 1000)
            except NotWrittenError as error:
                if error.reason is not Reason.CONNECT:
                    raise
        return Fetched(FetchOutcome.FAILED)

    async def _get(
        self, pinned: Pinned, address: Address, into: StagedFile, max_bytes: int, connect_s: float
    ) -> Fetched:
        target = pinned.target
        download = Download(
            target.origin, target.path, address, headers=_HEADERS, max_bytes=max_bytes,
            tls=self._tls if target.secure else None, connect_s=connect_s,
        )  # fmt: skip
        async with download:
            status = await download.status()
            fetched = Fetched.of_status(status, retry_after_ms(download.headers))
            if fetched.outcome is not FetchOutcome.FETCHED:
                return fetched
            if download.headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
                return Fetched(FetchOutcome.REFUSED, status)  # packed bytes under the name of the file would be sent
            if download.announced > max_bytes:
                return Fetched(FetchOutcome.TOO_LARGE, status)
            await download.body(into.write)
            return fetched


def _conforms(fetcher: PinnedFetcher) -> MediaFetcher:
    return fetcher
