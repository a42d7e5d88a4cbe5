"""A client of the SDK that is thrown away with its first failure.

The SDK's own way back after an outage queues an attempt for each failed request, without an end; a new client has none.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

from wework_message.domain.errors import UnavailableError

OPEN_S: Final = 6.0
"""Until it is connected; each of three tries takes 2 s where nothing answers."""

CALL_S: Final = 5.0
CLOSE_S: Final = 2.0


class Client(Protocol):
    """A client of the SDK."""

    async def server_health(self) -> bool:
        """Whether it is connected."""
        ...


C = TypeVar("C", bound=Client)
Answer = TypeVar("Answer")


class Reopened(Generic[C]):
    """Opens a client where there is none."""

    def __init__(self, open_client: Callable[[], Awaitable[C]], close_client: Callable[[C], Awaitable[None]]) -> None:
        """Nothing is opened yet."""
        self._open_client = open_client
        self._close_client = close_client
        self._client: C | None = None
        self._turn = asyncio.Lock()

    async def ask(self, call: Callable[[C], Awaitable[Answer]]) -> Answer:
        """The answer of `call`. Raises `UnavailableError`; the next call is then made with a new client."""
        async with self._turn:
            try:
                client = await self._connected()
                async with asyncio.timeout(CALL_S):
                    return await call(client)
            except (UnavailableError, asyncio.CancelledError):
                await self._close()
                raise
            except TimeoutError:
                await self._close()
                raise UnavailableError("nacos", "no answer in time") from None
            except Exception as error:  # noqa: BLE001 -- the SDK raises what it meets; its text may have a token
                await self._close()
                code = getattr(error, "error_code", None)
                detail = f" {code}" if isinstance(code, int) else ""
                raise UnavailableError("nacos", f"{type(error).__name__}{detail}") from None

    async def close(self) -> None:
        """Let go of the client, if there is one."""
        async with self._turn:
            await self._close()

    async def _connected(self) -> C:
        if self._client is None:
            async with asyncio.timeout(OPEN_S):
                self._client = await self._open_client()
        if not await self._client.server_health():
            raise UnavailableError("nacos", "no connection")
        return self._client

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):  # whatever state it is in, it is thrown away
                async with asyncio.timeout(CLOSE_S):
                    await self._close_client(client)
