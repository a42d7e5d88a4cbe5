"""Fetches that stay in this process."""

from collections.abc import Sequence
from typing import Final

from wework_message.adapters.memory.outbound import PUBLIC
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.media_fetcher import Fetched, FetchOutcome, MediaFetcher
from wework_message.domain.ports.media_store import StagedFile

_PIECE: Final = 32 * 1024


class MemoryMediaFetcher:
    """Answers what `answers` has for the URL, 404 for any other."""

    def __init__(self, policy: AddressPolicy | None = None) -> None:
        """`policy` = public addresses and https only unless given."""
        self._policy = policy or AddressPolicy()
        self.answers: dict[str, bytes | Fetched] = {}
        """By URL: the body of a 200, or how the fetch ends."""
        self.addresses: dict[str, Sequence[Address]] = {}
        """By host; none = the name is unknown. A host without an entry is `PUBLIC`."""
        self.fetched: list[str] = []
        """URLs that were asked for, in their order."""

    async def fetch(
        self,
        url: str,
        into: StagedFile,
        *,
        max_bytes: int,
        deadline_ms: int,  # noqa: ARG002 -- nothing takes time here
    ) -> Fetched:
        try:
            target = self._policy.target(url)
        except InvalidValueError:
            return Fetched(FetchOutcome.BLOCKED)
        addresses = (target.address,) if target.address is not None else self.addresses.get(target.host, (PUBLIC,))
        if not addresses:
            return Fetched(FetchOutcome.FAILED)
        if not self._policy.allows(target, addresses):
            return Fetched(FetchOutcome.BLOCKED)
        self.fetched.append(url)
        answer = self.answers.get(url, Fetched.of_status(404))
        if isinstance(answer, Fetched):
            return answer
        if len(answer) > max_bytes:
            return Fetched(FetchOutcome.TOO_LARGE, 200)
        for start in range(0, len(answer), _PIECE):
            await into.write(answer[start : start + _PIECE])
        return Fetched.of_status(200)


def _conforms(fetcher: MemoryMediaFetcher) -> MediaFetcher:
    return fetcher
