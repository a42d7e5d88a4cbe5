"""How a process leaves: balancers get their time to notice, calls settle, requests end (ADR 80)."""

import asyncio
import math
from dataclasses import dataclass
from typing import Final

from wework_message.application.waiting import ends_within
from wework_message.bootstrap.process import Process
from wework_message.bootstrap.sockets import CLOSE_S, HttpServer

MIN_CLOSE_S: Final = 1
"""The least that open requests get to end where calls took all of the time."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """How this process leaves."""

    delay_s: float
    """For how long everything is taken as before, while balancers learn of it."""
    shares_port: bool
    """Other workers take the connections of this port as soon as this one does not."""

    async def __call__(self, process: Process, api: HttpServer | None) -> None:
        """Return once calls have settled and the API takes no more connections."""
        clock = asyncio.get_running_loop().time
        began = clock()
        process.leave()
        calm = asyncio.create_task(process.calm(), name="calls")
        if api is not None:
            api.leave()
            await asyncio.wait({api.task}, timeout=self.delay_s)
        process.begin_drain()
        if api is not None:
            api.close_idle()
            if not self.shares_port:  # until then callbacks about the calls are taken
                await asyncio.wait({calm})
            left_s = max(MIN_CLOSE_S, math.ceil(CLOSE_S - (clock() - began)))
            await ends_within(api.close(left_s), left_s + 1, "the HTTP server")
        await asyncio.wait({calm})
