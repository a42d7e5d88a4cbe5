import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tests.support.builders.messages import PROVIDER

from wework_message.adapters.observability.health_log import LOOK_S, HealthLog
from wework_message.adapters.observability.logs import Facts
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.health import HealthBoard, ProviderHealth
from wework_message.domain.routing.breaker import BreakerState


@dataclass
class Board:
    """A board that says what the test wants."""

    healthy: bool | None = None
    breaker: BreakerState = BreakerState.CLOSED
    lines: list[tuple[str, str, str]] = field(default_factory=list)

    def provider(self, code: ProviderCode) -> ProviderHealth:
        return ProviderHealth(code, self.healthy, None, self.breaker, None, None)

    def log(self) -> HealthLog:
        return HealthLog(cast("Facts", self), cast("HealthBoard", self), [PROVIDER])

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append(("ERROR", event, fields["provider"]))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(("WARNING", event, fields["provider"]))

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(("INFO", event, fields["provider"]))


def test_a_provider_that_goes_and_comes_is_one_line_each() -> None:
    board = Board()
    log = board.log()
    for healthy in (None, True, False, False, True, True, None):
        board.healthy = healthy
        log.look()
    assert board.lines == [("ERROR", "provider.down", PROVIDER), ("INFO", "provider.up", PROVIDER)]


def test_a_breaker_that_opens_is_one_line_until_it_opens_again() -> None:
    board = Board()
    log = board.log()
    for state in (BreakerState.OPEN, BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED, BreakerState.OPEN):
        board.breaker = state
        log.look()
    assert board.lines == [("WARNING", "provider.breaker", PROVIDER)] * 2


async def test_it_looks_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(healthy=False)
    log = board.log()
    waits: list[float] = []

    async def passes(event: asyncio.Event, seconds: float) -> bool:
        waits.append(seconds)
        return event.is_set()

    monkeypatch.setattr("wework_message.adapters.observability.health_log.set_within", passes)
    monkeypatch.setattr(log, "look", log.stop)
    await log.run()
    assert waits == [LOOK_S] * 2
