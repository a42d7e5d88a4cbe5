"""Claim due chunks: decide on each once, and commit the intents of the calls that start now."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from wework_message.application.commit.scope import CommitScope, may_be_committed
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.mass.begin_chunk import BeginChunk, StartedChunk
from wework_message.domain.errors import UnavailableError
from wework_message.domain.message.handling import count_handling_failure
from wework_message.domain.message.message import Message
from wework_message.domain.ports.mass import DueChunk
from wework_message.domain.ports.system import Clock

HANDLING_RETRY_MS: Final = 1_000
"""How long a chunk waits after its handling raised."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """What a process asks of a claim."""

    slots: int
    """Calls that may start now."""
    disown: Callable[[Sequence[StartedCall]], None]
    """Told of the calls that the claim may have stored, where it is not known whether it did: nobody makes them."""


class ClaimChunks:
    """The transaction's part of mass sends."""

    def __init__(self, begin_chunk: BeginChunk, clock: Clock) -> None:
        """`begin_chunk` decides on a chunk."""
        self._begin_chunk = begin_chunk
        self._clock = clock

    async def __call__(
        self, scope: CommitScope, requests: Sequence[ChunkRequest], /
    ) -> Sequence[Sequence[StartedChunk]]:
        """All calls go to the first request (a process makes one at a time)."""
        started: list[StartedChunk] = []
        scope.when_ended.append(partial(_ended, requests[0].disown, started))
        for due in await scope.unit.mass.due(sum(request.slots for request in requests)):
            messages = list((await scope.unit.messages.get(due.message_ids)).values())
            begun = await self._guarded(scope, due, messages)
            await self._begin_chunk.request_media(scope)
            await scope.save([message for message in messages if message.due is not None])
            if begun is not None:
                started.append(begun)
        return [started, *[()] * (len(requests) - 1)]

    async def _guarded(self, scope: CommitScope, due: DueChunk, messages: Sequence[Message]) -> StartedChunk | None:
        try:
            return await self._begin_chunk(scope.unit, due, messages)
        except UnavailableError:
            raise  # an outage is no fault of the messages (D-55)
        except Exception:  # noqa: BLE001 -- handling that raises is counted on the messages: poison ends them, other chunks go on
            _log.exception("mass send: handling of chunk %d raised", due.chunk.number)
        for message in messages:
            if message.waits_in_chunk:
                count_handling_failure(message, wait_ms=HANDLING_RETRY_MS, now=self._clock.now())
        return None


def _ended(
    disown: Callable[[Sequence[StartedCall]], None], started: Sequence[StartedChunk], error: BaseException | None
) -> None:
    if may_be_committed(error):
        disown([call for chunk in started for call in chunk.calls])
