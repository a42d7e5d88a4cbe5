"""A second transport of the gateway, over httpx: both pass one contract suite, and it can replace the first (ADR 9)."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from wework_message.adapters.http import Answer, LostError, LostReason, NotWrittenError, Timing, boot_ms
from wework_message.domain.outcomes import Reason

_WRITING: Final = "http11.send_request_headers.started"
"""The trace event of httpcore right before it writes the first byte of a request."""


class _Progress:
    """The progress of one request, from the trace of httpcore."""

    def __init__(self, timing: Timing, boot_clock_ms: Callable[[], float]) -> None:
        self.written = False
        self._write_before_boot_ms = timing.write_before_boot_ms
        self._boot_ms = boot_clock_ms

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """Raises `NotWrittenError` right before a first byte that is too late."""
        if event == _WRITING:
            if self._write_before_boot_ms is not None and self._boot_ms() > self._write_before_boot_ms:
                raise NotWrittenError(Reason.TOO_LATE)
            self.written = True


class HttpxTransport:
    """POSTs to one server with httpx. A failure counts as not written only where no byte of the request can have left."""

    def __init__(
        self,
        base_url: str,
        *,
        max_connections: int = 200,
        response_cap: int = 256 * 1024,
        boot_clock_ms: Callable[[], float] = boot_ms,
    ) -> None:
        """Uses no proxy and no credentials of the environment, follows no redirect, requests no content encoding.

        Args:
            base_url: http or https, host, optional port and path prefix.
            max_connections: maximum of simultaneous calls.
            response_cap: maximum size of a body, bytes.
            boot_clock_ms: clock of `Timing.write_before_boot_ms`.
        """
        self._client = httpx.AsyncClient(
            base_url=base_url,
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            headers={"accept-encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
            verify=not base_url.startswith("http:"),  # the certificates take longer to load than many calls
        )
        self._response_cap = response_cap
        self._boot_ms = boot_clock_ms

    async def post(self, path: str, body: bytes, *, timing: Timing, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Send one request once and read its answer. Raises `NotWrittenError` or `LostError`."""
        if self._client.is_closed:
            raise NotWrittenError(Reason.CLOSED)
        if timing.write_before_boot_ms is not None and self._boot_ms() > timing.write_before_boot_ms:
            raise NotWrittenError(Reason.TOO_LATE)
        progress = _Progress(timing, self._boot_ms)
        try:
            async with asyncio.timeout(timing.total_ms / 1_000):
                return await self._exchange(path, body, timing, headers, progress)
        except TimeoutError as error:
            raise _lost(progress, Reason.DEADLINE) from error
        except httpx.PoolTimeout as error:
            raise NotWrittenError(Reason.POOL) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _connection_error(error) from error
        except httpx.WriteError as error:
            raise _lost(progress, Reason.WRITE) from error
        except httpx.RemoteProtocolError as error:
            raise _lost(progress, Reason.PROTOCOL) from error
        except httpx.HTTPError as error:
            raise _lost(progress, Reason.READ) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _exchange(
        self, path: str, body: bytes, timing: Timing, headers: Sequence[tuple[str, str]], progress: _Progress
    ) -> Answer:
        loop = asyncio.get_running_loop()
        began = loop.time()
        request = self._client.build_request(
            "POST",
            path,
            content=body,
            headers=list(headers),
            timeout=httpx.Timeout(None, connect=timing.connect_ms / 1_000, pool=timing.total_ms / 1_000),
            extensions={"trace": progress.trace},
        )
        answer = await self._client.send(request, stream=True)
        try:
            received = bytearray()
            async for piece in answer.aiter_raw():
                received += piece
                if len(received) > self._response_cap:
                    raise LostError(Reason.OVERSIZE)
        finally:
            await answer.aclose()
        return Answer(answer.status_code, dict(answer.headers.items()), bytes(received), (loop.time() - began) * 1_000)


def _lost(progress: _Progress, reason: LostReason) -> LostError | NotWrittenError:
    return LostError(reason) if progress.written else NotWrittenError(Reason.CONNECT)


def _connection_error(error: BaseException) -> NotWrittenError:
    """The reason of a failed connection, from the cause that httpx wraps."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return NotWrittenError(Reason.DNS)
        if isinstance(cause, ssl.SSLError):
            return NotWrittenError(Reason.TLS)
        cause = cause.__cause__ or cause.__context__
    return NotWrittenError(Reason.CONNECT)
