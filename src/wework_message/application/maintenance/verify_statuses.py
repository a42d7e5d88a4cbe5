"""Fold the journal of every message again, in other orders too, and compare with what is stored. It changes nothing."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.domain.ids import MessageId, ProviderCode
from wework_message.domain.inbox import ERASED_RAW, InboxState
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.refold import Difference, NotedFacts, difference, events_of, knows, noted_facts
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.ports.gateway import CallbackReader
from wework_message.domain.ports.queries import CallbackView, MessageReader

PAGE: Final = 200
"""Messages, or records, that are in memory at once."""

MAX_NAMED: Final = 1_000
"""Differences that are named; all are counted."""

_TRIES: Final = 3
"""How often a message that differs is read again: it may have changed between two queries."""


@dataclass(frozen=True, slots=True)
class VerifyStatuses:
    """Verify every status."""

    shuffle: int = 0
    """Other orders in which the evidence of each message is folded."""


@dataclass(slots=True)
class Verified:
    """What was compared, and what differs."""

    messages: int = 0
    facts: int = 0
    records: int = 0
    """Of the inbox, applied to a message that is still there."""
    unreadable: int = 0
    """Records whose provider is not configured, or that cannot be read: nothing is said about them."""
    differences: Counter[Difference] = field(default_factory=Counter)
    named: list[tuple[MessageId, Difference]] = field(default_factory=list)
    """The first `MAX_NAMED`."""

    def add(self, message_id: MessageId, differing: Difference) -> None:
        """Count a difference."""
        self.differences[differing] += 1
        if len(self.named) < MAX_NAMED:
            self.named.append((message_id, differing))


class VerifyStatusesHandler:
    """Goes through the messages by id, then through the records of the inbox by theirs, a page at a time."""

    def __init__(self, reader: MessageReader, readers: Mapping[ProviderCode, CallbackReader]) -> None:
        """`reader` sees what is committed, so services may run; `readers` read the records again."""
        self._reader = reader
        self._readers = readers

    async def __call__(self, command: VerifyStatuses) -> Verified:
        """Raises `UnavailableError`."""
        verified = Verified()
        async for message in self._messages():
            await self._verify(message, command.shuffle, verified)
        async for page in self._records():
            await self._verify_records(page, verified)
        return verified

    async def _messages(self) -> AsyncIterator[Message]:
        before: MessageId | None = None
        while True:
            page = await self._reader.page(None, MessageFilter(), limit=PAGE, before=before)
            for view in page.messages:
                yield view.message
            if (before := page.following) is None:
                return

    async def _verify(self, message: Message, shuffle: int, verified: Verified) -> None:
        verified.messages += 1
        if not message.attempts:
            return  # nothing was ever sent, and nothing can be known about it
        differing: Difference | None = None
        for _ in range(_TRIES):
            noted = noted_facts(await self._reader.timeline(message.tenant_id, message.id))
            differing = _difference_in(message, noted, shuffle)
            again = None if differing is None else await self._changed(message)
            if again is None:
                verified.facts += sum(map(len, noted.values()))
                break
            message = again
        if differing is not None:
            verified.add(message.id, differing)

    async def _changed(self, message: Message) -> Message | None:
        """The message as it is now, if it has changed since it was read."""
        now = (await self._reader.messages(message.tenant_id, [message.id])).get(message.id)
        return now.message if now is not None and now.message.version != message.version else None

    async def _records(self) -> AsyncIterator[Sequence[CallbackView]]:
        before: int | None = None
        while page := await self._reader.callbacks(
            None, None, notify_type=None, limit=PAGE, before=before, state=InboxState.APPLIED
        ):
            yield [await self._reader.callback(None, view.id) or view if view.raw is None else view for view in page]
            before = page[-1].id

    async def _verify_records(self, page: Sequence[CallbackView], verified: Verified) -> None:
        applied = [(view.message_id, view) for view in page if view.message_id is not None]
        messages = await self._reader.messages(None, sorted({message_id for message_id, _ in applied}))
        for message_id, view in applied:
            if message_id not in messages or view.raw == ERASED_RAW:
                continue
            verified.records += 1
            kinds = self._kinds(view)
            if kinds is None:
                verified.unreadable += 1
            elif not knows(messages[message_id].message, kinds):
                verified.add(message_id, Difference.RECORD)

    def _kinds(self, view: CallbackView) -> Sequence[FactKind] | None:
        reader = self._readers.get(view.provider_code)
        if reader is None or view.raw is None:
            return None
        try:
            stream_record = reader.reread(view.notify_type, view.raw).stream_record
        except Exception:  # noqa: BLE001 -- whatever a stored record holds, the others are compared
            return None
        return None if stream_record is None else sorted(stream_record.kinds)


def _difference_in(message: Message, noted: NotedFacts, shuffle: int) -> Difference | None:
    events = events_of(message, noted)
    order = random.Random(message.id)  # noqa: S311 -- the same orders for the same message, each time
    return difference(message, noted, [events, *(order.sample(events, len(events)) for _ in range(shuffle))])
