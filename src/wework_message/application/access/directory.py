"""The API keys as this process knows them: looked at every two seconds, and at once where this process changed them (ADR 69).

No request asks the database who calls, so a flood of guessed keys costs it nothing. Keys that could not be looked at for five
seconds are not believed any more: the request is answered 503, and whoever sent it may try again.
"""

import asyncio
import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from wework_message.application.errors import UnauthenticatedError
from wework_message.application.freshness import Freshness
from wework_message.application.waiting import read_or_log, set_within
from wework_message.domain.access.api_keys import DEFAULT_ENVIRONMENT, ApiKey
from wework_message.domain.access.principal import Principal
from wework_message.domain.digests import digest_of
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.api_keys import ApiKeyReader, KeySnapshot, KeyStamp
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock

LOOK_MS: Final = 2_000
"""How long ago they may have been looked at before that is done again."""

MAX_AGE_MS: Final = 5_000
"""The same at all: a new key is known, and a revoked one refused, in every process by then."""

REREAD_MS: Final = 600_000
"""They are read as a whole so often even where nothing says that they changed: a person may have changed them in the database."""

RETRY_MS: Final = 1_000
"""Between two tries to read them while requests wait for it: a store that is away is not asked for each of them."""

USED_MS: Final = 60_000
"""How often it is stored which keys were used."""

_NEVER: Final = float("-inf")
_FOR_EVER: Final = float("inf")

_log: Final = logging.getLogger(__name__)


class _Known(NamedTuple):
    principal: Principal
    valid_until: float
    """Epoch ms."""


class KeyDirectory:
    """Says who calls with a key."""

    def __init__(
        self, reader: ApiKeyReader, units: UnitOfWorkFactory, clock: Clock, environment: str = DEFAULT_ENVIRONMENT
    ) -> None:
        """`clock` says how old they are, and whether the end of one has come; keys of another `environment` are refused."""
        self._reader = reader
        self._units = units
        self._clock = clock
        self._environment = environment
        self._by_digest: Mapping[str, ApiKey] = {}
        self._known: dict[str, _Known] = {}
        """What was looked up since they were read."""
        self._enabled: AbstractSet[TenantId] = frozenset()
        self._stamp: KeyStamp | None = None
        self._read_at = _NEVER
        self._fresh = Freshness(
            self._look, clock, "API keys", reread_ms=LOOK_MS, max_age_ms=MAX_AGE_MS, retry_ms=RETRY_MS
        )
        self._used: set[str] = set()
        self._stored_used_at = clock.boot()
        self._stopped = asyncio.Event()

    def lookup(self, text: str) -> Principal | None:
        """Who calls with the key `text`; None where nobody does, and where the keys are too old: `principal_of` says which.

        A key is looked up by its hash, so how long that takes says nothing about the keys of others.
        """
        digest = digest_of(text)
        known = self._known.get(digest) or self._first_time(digest)
        if known is None or not self._fresh.is_believed() or self._clock.now() >= known.valid_until:
            return None
        self._used.add(known.principal.id)
        return known.principal

    async def principal_of(self, text: str) -> Principal:
        """Who calls with the key `text`.

        Raises `UnauthenticatedError`, the same for whatever is wrong with the key; `UnavailableError` while the keys are not known.
        """
        await self._fresh.require()
        principal = self.lookup(text)
        if principal is None:
            raise UnauthenticatedError
        return principal

    async def require_tenant(self, tenant_id: TenantId) -> None:
        """For callers without a key of ours: there is such a tenant, and it is not disabled.

        Raises `UnauthenticatedError`; `UnavailableError` while the tenants are not known.
        """
        await self._fresh.require()
        if tenant_id not in self._enabled:
            raise UnauthenticatedError

    def _first_time(self, digest: str) -> _Known | None:
        key = self._by_digest.get(digest)
        if key is None:
            return None
        until = key.valid_until
        known = self._known[digest] = _Known(key.principal(), _FOR_EVER if until is None else until)
        return known

    async def refresh(self) -> None:
        """Look whether they changed, if that is `LOOK_MS` ago; raises `UnavailableError`."""
        await self._fresh.refresh()

    async def read(self) -> None:
        """Look now; raises `UnavailableError`."""
        await self._fresh.read()

    async def changed(self) -> None:
        """This process changed them. It is stored: that it cannot be read now is no error of the request."""
        await read_or_log(self.read, "API keys", _log)

    async def store_used(self) -> None:
        """Store which keys were used since the last time; raises `UnavailableError`, and the next time stores them too."""
        used, self._used = self._used, set()
        if not used:
            return
        try:
            async with self._units() as unit:
                await unit.api_keys.used(sorted(used), self._clock.now())
                await unit.commit()
        except BaseException:
            self._used |= used
            raise

    async def run(self) -> None:
        """Look again and again until `stop`, and store once a minute what was used.

        Where the store is away, the keys that were read last hold until they are too old.
        """
        while not self._stopped.is_set():
            await read_or_log(self.refresh, "API keys", _log)
            if self._clock.boot() - self._stored_used_at >= USED_MS:
                await self._try_to_store_used()
            await set_within(self._stopped, LOOK_MS / 2 / 1000)
        await self._try_to_store_used()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the pass at hand."""
        self._stopped.set()

    async def _try_to_store_used(self) -> None:
        self._stored_used_at = self._clock.boot()
        try:
            await self.store_used()
        except UnavailableError as error:
            _log.info("which API keys were used is stored later: %s", error)
        except Exception:  # noqa: BLE001 -- the loop goes on
            _log.exception("which API keys were used could not be stored")

    async def _look(self) -> None:
        began = self._clock.boot()
        snapshot = await self._reader.keys_since(self._stamp if began - self._read_at < REREAD_MS else None)
        if snapshot is not None:
            self._know(snapshot)
            self._stamp, self._read_at = snapshot.stamp, began

    def _know(self, snapshot: KeySnapshot) -> None:
        self._enabled = {tenant.tenant_id for tenant in snapshot.tenants if tenant.disabled_at is None}
        self._known = {}
        self._by_digest = {
            key.digest: key
            for key in snapshot.keys
            if key.environment == self._environment and key.tenant_id in self._enabled
        }
