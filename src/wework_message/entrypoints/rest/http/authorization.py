"""Who calls, and whether a route is theirs: default deny (ADR 69)."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope

from wework_message.application.errors import ForbiddenError, UnauthenticatedError
from wework_message.domain.access.principal import Principal
from wework_message.domain.access.scopes import Scope
from wework_message.entrypoints.rest.config import Config, Credentials
from wework_message.entrypoints.rest.http.routing import OWN_PROOF, PUBLIC, SCOPE, Public
from wework_message.entrypoints.rest.load.request_limits import RequestLimits

_BEARER: Final = b"bearer "
_HEADERS: Final = frozenset({b"authorization", b"x-api-key"})


def unasked(config: Config) -> AbstractSet[Scope]:
    """The scopes that the settings ask nobody for."""
    return frozenset({Scope.METRICS}) if config.open_metrics else frozenset()


class Authorization:
    """Lets a request pass to its route, and remembers who sent it. There is none in `security.mode: open`."""

    def __init__(
        self,
        credentials: Credentials,
        free: AbstractSet[Scope],
        refused: Callable[[HTTPScope, Exception], None],
        limits: RequestLimits | None = None,
    ) -> None:
        """Routes with a scope of `free` are public by a setting; `limits` count failed log-ins.

        `refused` is told of every request that shows no proof or not enough of it.
        """
        self._credentials = credentials
        self._free = free
        self._refused = refused
        self._limits = limits

    async def admit(self, scope: HTTPScope, handler: HTTPRouteHandler) -> None:
        """Raises `UnauthenticatedError`, `ForbiddenError` and `RateLimitedError`, before anything of the request is read."""
        needed: Scope | Public = handler.opt[SCOPE]
        if needed is PUBLIC or needed in self._free:
            return
        proves_itself: Callable[[HTTPScope], bool] | None = handler.opt.get(OWN_PROOF)
        if proves_itself is not None and proves_itself(scope):
            return
        try:
            text = presented(scope)
            caller = self._credentials.lookup(text)
            if caller is None:
                caller = await self._unknown(scope, text)
            scope["state"]["principal"] = caller
            _require(caller, needed)
        except (UnauthenticatedError, ForbiddenError) as error:
            self._refused(scope, error)
            raise

    async def _unknown(self, scope: HTTPScope, text: str) -> Principal:
        """Whoever shows a key that is known is let in from every address; what is unknown may cost work, and an address has little of it."""
        limits = self._limits
        if limits is None:
            return await self._credentials.principal_of(text)
        await limits.check_log_in(scope)
        try:
            return await self._credentials.principal_of(text)
        except UnauthenticatedError:
            limits.failed_log_in(scope)
            raise


def _require(caller: Principal, needed: Scope) -> None:
    if not caller.may(needed):
        raise ForbiddenError(needed)


def presented(scope: HTTPScope) -> str:
    """The key or token of a request; raises `UnauthenticatedError` where it has none, or two that differ."""
    text: bytes | None = None
    for name, value in scope["headers"]:
        if name in _HEADERS:
            shown = _text_in(name, value)
            if text is not None and shown != text:
                raise UnauthenticatedError
            text = shown
    if not text:
        raise UnauthenticatedError
    return text.decode("latin-1")


def _text_in(name: bytes, value: bytes) -> bytes:
    if name == b"authorization":
        if value[: len(_BEARER)].lower() != _BEARER:
            raise UnauthenticatedError
        return value[len(_BEARER) :].strip(b" \t")
    return value.strip(b" \t")
