"""Lines about providers that stop answering, and that answer again."""

import asyncio
from collections.abc import Iterable
from typing import Final

from wework_message.adapters.observability.logs import Facts
from wework_message.application.waiting import set_within
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.routing.breaker import BreakerState

LOOK_S: Final = 5.0
"""Between two looks at the board: a provider that comes and goes writes no more lines than this."""


class HealthLog:
    """Looks at the board, and writes what has changed. Texts contain ``sendMessage``: it is why messages wait."""

    def __init__(self, facts: Facts, board: HealthBoard, codes: Iterable[ProviderCode]) -> None:
        """`codes` are the enabled providers."""
        self._facts = facts
        self._board = board
        self._down: dict[ProviderCode, bool] = dict.fromkeys(codes, False)
        self._open = dict.fromkeys(self._down, False)
        self._stopping = asyncio.Event()

    def look(self) -> None:
        """Write one line for each change since the last look."""
        for code, was_down in self._down.items():
            health = self._board.provider(code)
            down, is_open = health.healthy is False, health.breaker is BreakerState.OPEN
            if down and not was_down:
                text = "provider cannot be reached: sendMessage waits"
                self._facts.error("provider.down", text=text, provider=code)
            elif was_down and not down:
                self._facts.info("provider.up", text="provider answers again: sendMessage goes on", provider=code)
            if is_open and not self._open[code]:
                text = "too many calls failed: sendMessage pauses at this provider"
                self._facts.warning("provider.breaker", text=text, provider=code)
            self._down[code] = down
            self._open[code] = is_open

    async def run(self) -> None:
        """Look until `stop`."""
        while not await set_within(self._stopping, LOOK_S):
            self.look()

    def stop(self) -> None:
        """`run` returns at once."""
        self._stopping.set()
