"""How a process leaves: balancers get their time to notice, calls settle, requests end (ADR 80)."""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from wework_message.application.waiting import ends_within
from wework_message.bootstrap.process import Process
from wework_message.bootstrap.sockets import CLOSE_S, HttpServer

MIN_CLOSE_S: Final = 1
"""The least that open requests get to end where calls took all of the time."""


class Leaving:
    """How this process leaves."""

    def __init__(
        self, process: Process, api: HttpServer | None, delay_s: float, others_listen: Callable[[], bool]
    ) -> None:
        """For `delay_s` everything is taken as before, while balancers learn of it; `others_listen` = other workers go on at this port."""
        self._process = process
        self._api = api
        self._delay_s = delay_s
        self._others_listen = others_listen
        self._clock = asyncio.get_running_loop().time
        self._began = 0.0
        self._calm: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Claim nothing more, and say so to balancers; once."""
        _ = self._begun()

    def _begun(self) -> "asyncio.Task[None]":
        """It ends when open calls have settled."""
        if self._calm is None:
            self._began = self._clock()
            self._process.leave()
            self._calm = asyncio.create_task(self._process.calm(), name="calls")
            if self._api is not None:
                self._api.leave()
        return self._calm

    async def __call__(self) -> None:
        """Return once calls have settled and the API takes no more connections."""
        calm = self._begun()
        if self._api is not None:
            await asyncio.wait({self._api.task}, timeout=max(0.0, self._delay_s - self._passed_s))
        self._process.begin_drain()
        if self._api is not None:
            self._api.close_idle()
            if not self._others_listen():  # until then callbacks about the calls are taken
                await asyncio.wait({calm})
            left_s = max(MIN_CLOSE_S, math.ceil(CLOSE_S - self._passed_s))
            await ends_within(self._api.close(left_s), left_s + 1, "the HTTP server")
        await asyncio.wait({calm})

    @property
    def _passed_s(self) -> float:
        return self._clock() - self._began
