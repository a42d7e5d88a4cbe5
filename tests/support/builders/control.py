"""Pauses for tests."""

from collections.abc import Collection

from tests.support.builders.messages import NOW

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.pauses import MemoryPauseReader
from wework_message.application.control.pause_board import PauseBoard
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.ids import BatchId, ProviderCode
from wework_message.domain.ports.control import PauseReader
from wework_message.domain.ports.system import Clock


def a_pause(scope: PauseScope = PauseScope.SERVICE, scope_id: str = "", **changes: object) -> Pause:
    known: dict[str, object] = {"since": NOW, "reason": "the wrong customers", "by": "Mei"}
    return Pause(scope, scope_id, **known | changes)  # type: ignore[arg-type]  # a test names the fields


def a_pause_board(
    clock: Clock, reader: PauseReader | None = None, providers: Collection[ProviderCode] = ()
) -> PauseBoard:
    """A board that has read nothing yet; without a reader nothing is paused."""

    async def changed(_: Collection[BatchId]) -> None:
        pass

    return PauseBoard(reader or MemoryPauseReader(MemoryDatabase()), clock, changed, providers)
