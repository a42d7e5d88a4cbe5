"""The callback tokens as this process knows them: read every two seconds, and at once where this process changed them (ADR 57).

No callback asks the database who may call, so a flood of guessed tokens costs it nothing. Tokens that could not be read for
five seconds are not believed any more: the callback is answered 503, and its provider or relay may try again.
"""

from collections.abc import Mapping
from typing import Final

from wework_message.application.freshness import Freshness
from wework_message.domain.callback_tokens import CallbackToken, is_well_formed
from wework_message.domain.digests import digest_of
from wework_message.domain.ports.callback_tokens import CallbackTokenReader
from wework_message.domain.ports.system import Clock

REREAD_MS: Final = 2_000
"""How old they may be before they are read again."""

MAX_AGE_MS: Final = 5_000
"""How old they may be at all: a new token is known, and a revoked one refused, in every process by then."""

RETRY_MS: Final = 1_000
"""Between two tries to read them while callbacks wait for it: a store that is away is not asked for each of them."""


class TokenDirectory:
    """Finds the token of a text."""

    def __init__(self, reader: CallbackTokenReader, clock: Clock) -> None:
        """`clock` says how old they are, and whether the end of one has come."""
        self._reader = reader
        self._clock = clock
        self._by_digest: Mapping[str, CallbackToken] = {}
        self._fresh = Freshness(
            self._read, clock, "callback tokens", reread_ms=REREAD_MS, max_age_ms=MAX_AGE_MS, retry_ms=RETRY_MS
        )

    async def find(self, text: str) -> CallbackToken | None:
        """The valid token with this text; None where there is none. Raises `UnavailableError` while they are not known.

        It is looked up by its hash, so how long that takes says nothing about the texts of others.
        """
        if not is_well_formed(text):
            return None
        await self._fresh.require()
        token = self._by_digest.get(digest_of(text))
        return token if token is not None and token.is_valid(self._clock.now()) else None

    async def refresh(self) -> None:
        """Read them if they are older than `REREAD_MS`; raises `UnavailableError`."""
        await self._fresh.refresh()

    async def read(self) -> None:
        """Read them now; raises `UnavailableError`."""
        await self._fresh.read()

    async def _read(self) -> None:
        self._by_digest = {token.digest: token for token in await self._reader.callback_tokens()}
