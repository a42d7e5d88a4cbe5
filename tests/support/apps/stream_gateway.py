"""A provider in memory whose streams can be pulled."""

from collections.abc import Callable
from typing import Any

from tests.support.apps.doubles import ScriptedReader

from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.domain.ids import Guid
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.streams import PulledPage, StreamPuller
from wework_message.domain.ports.system import Clock
from wework_message.domain.stream import PageEnd, PullOutcome


class StreamGateway(MemoryInstanceGateway):
    """One stream for all guids, in pages of `page_size`; a cursor is the number of records before it."""

    def __init__(self, clock: Clock, reader: ScriptedReader, *, busy: Callable[[], bool]) -> None:
        super().__init__(clock, busy=busy)
        self._reader = reader
        self.stream: list[CallbackItem] = []
        self.pulls: list[tuple[Guid, str]] = []
        self.page_size = 100
        self.ends: list[PageEnd] = []
        """What the next pulls come to instead."""

    def appear(self, stream_record: StreamRecord, **fields: Any) -> CallbackItem:
        """A record comes into the stream."""
        (item,) = self._reader.read(self._reader.body(stream_record=stream_record, **fields))
        self.stream.append(item)
        return item

    def cursor_before(self, seq: str) -> str | None:
        return "0" if seq.isdigit() else None

    async def pull(self, guid: Guid, cursor: str, limit: int) -> PulledPage:
        self._refuse_in_a_unit()
        self.pulls.append((guid, cursor))
        if self.ends:
            return PulledPage(self.ends.pop(0))
        start = int(cursor)
        items = tuple(self.stream[start : start + min(limit, self.page_size)])
        following = start + len(items)
        whole = all(item.defect is None for item in items)
        end = PageEnd(PullOutcome.READ, str(following), more=following < len(self.stream), is_whole=whole)
        return PulledPage(end, items, (11010, 11013))


def _conforms(gateway: StreamGateway) -> StreamPuller:
    return gateway
