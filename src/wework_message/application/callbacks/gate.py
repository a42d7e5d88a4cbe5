"""Who may bring callbacks: whoever has a token, is a peer that is allowed, or signs as the relay does (ADR 57)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from wework_message.application.callbacks.token_directory import REREAD_MS, TokenDirectory
from wework_message.application.errors import CallbackRefusedError
from wework_message.application.waiting import read_or_log, set_within
from wework_message.domain.callback_tokens import is_token
from wework_message.domain.callers import CallbackAccess, CallbackRefusal
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.system import Clock
from wework_message.domain.signatures import SIGNATURE_HEADER, SignatureCheck, check_signature


class Origin(NamedTuple):
    """What a request shows of its sender."""

    peer: str | None
    """The address at the other end of the connection."""
    forwarded: Sequence[str]
    """The values of `X-Forwarded-For`, in the order of the request."""
    signature: Mapping[str, str]
    """The headers of a relay's signature that are there, by their names in lower case."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose callbacks these are."""

    provider_code: ProviderCode | None = None
    """None = the default provider."""
    guid: Guid | None = None
    """The only instance that they may be of; None = any."""
    proven: bool = False
    """Whether it showed who it is; False where nobody has to."""
    to_verify: Mapping[str, str] | None = None
    """Headers of a signature that the body must fit; None = nothing is left to show."""


ANYBODY: Final = Caller()
"""Whoever calls the bare path where nobody has to prove anything."""

_log: Final = logging.getLogger(__name__)


class CallbackGate:
    """Decides before the body is read; only a signature needs it."""

    def __init__(self, access: CallbackAccess, directory: TokenDirectory, clock: Clock) -> None:
        """`clock` says whether a signature is of now."""
        self._access = access
        self._directory = directory
        self._clock = clock
        self._refused: Counter[CallbackRefusal] = Counter()

    async def admit(self, name: str | None, origin: Callable[[], Origin]) -> Caller:
        """Who calls the path with this `name` behind it: a token, a provider's code, or nothing.

        Raises `CallbackRefusedError`, and `UnavailableError` while tokens are not known.
        """
        if name is None and not self._access.require_token:
            return ANYBODY
        if name is not None and is_token(name):
            return await self._of_token(name)
        code = None if name is None else ProviderCode(name)
        if not self._access.require_token:
            return Caller(code)
        seen = origin()
        if self._access.allows(seen.peer, seen.forwarded):
            return Caller(code, proven=True)
        if self._access.relay is not None and SIGNATURE_HEADER in seen.signature:
            return Caller(code, to_verify=seen.signature)
        raise CallbackRefusedError(CallbackRefusal.BARE_PATH)

    async def _of_token(self, text: str) -> Caller:
        token = await self._directory.find(text)
        if token is None:
            raise CallbackRefusedError(CallbackRefusal.UNKNOWN_TOKEN)
        return Caller(token.provider_code, token.guid, proven=True)

    def verify(self, caller: Caller, body: bytes) -> Caller:
        """The caller once `body` fits its signature; raises `CallbackRefusedError` where it does not."""
        if caller.to_verify is None:
            return caller
        secrets = [self._access.relay] if self._access.relay is not None else []
        if check_signature(secrets, caller.to_verify, self._clock.now(), body) is not SignatureCheck.VERIFIED:
            raise CallbackRefusedError(CallbackRefusal.SIGNATURE)
        return Caller(caller.provider_code, proven=True)

    def refused(self, refusal: CallbackRefusal) -> None:
        """Count a callback that was answered as a path that does not exist."""
        self._refused[refusal] += 1

    def take_refused(self) -> Mapping[CallbackRefusal, int]:
        """How many were refused since the last time, by reason."""
        taken, self._refused = self._refused, Counter()
        return taken


class TendGate:
    """The loop beside a gate: its tokens stay fresh, and what it refused is reported, as one line for each reason."""

    def __init__(self, gate: CallbackGate, directory: TokenDirectory, observer: Observer) -> None:
        """`observer` learns of what was refused, every second at most: a flood of it costs no flood of lines."""
        self._gate = gate
        self._directory = directory
        self._observer = observer
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Again and again until `stop`. Where the store is away, the tokens that were read last hold until they are too old."""
        while not self._stopped.is_set():
            await read_or_log(self._directory.refresh, "callback tokens", _log)
            self._report()
            await set_within(self._stopped, REREAD_MS / 2 / 1000)
        self._report()

    def _report(self) -> None:
        for refusal, count in self._gate.take_refused().items():
            self._observer.callbacks_refused(refusal, count)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the pass at hand."""
        self._stopped.set()
