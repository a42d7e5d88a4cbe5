"""The vendor's call that pulls the message stream of an instance (P-10)."""

from typing import Final

import msgspec

from wework_message.adapters.guxing.instances import GuxingInstanceGateway
from wework_message.adapters.guxing.stream_pages import Cursor, read_page, seq_of
from wework_message.adapters.http import is_success
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.ports.streams import PulledPage, StreamPuller
from wework_message.domain.stream import PageEnd, PullOutcome

PULL_MS: Final = 5_000
"""Deadline of one pull, ms: no longer than a loop may take to stop."""

MARGIN: Final = 1_000
"""How far before a known record the first pull begins, as the vendor recommends."""


class _SyncMessages(msgspec.Struct, frozen=True):
    """Request of `/sync/sync_msg`."""

    guid: str
    sync_key: str
    limit: int


_encode: Final = msgspec.json.Encoder().encode


class GuxingStreamGateway(GuxingInstanceGateway):
    """Also a `StreamPuller`; pulls use the connections of the probes."""

    def cursor_before(self, seq: str) -> str | None:
        """A thousand records before it, at least 1: the key must not be 0."""
        known = seq_of(seq)
        return None if known is None else str(max(known - MARGIN, 1))

    async def pull(self, guid: Guid, cursor: str, limit: int) -> PulledPage:
        """`/sync/sync_msg`. Whatever it answers, nothing is raised."""
        try:
            place = Cursor.of(cursor)
            body = _encode(_SyncMessages(guid, place.key, limit))
        except ValueError:  # a lone surrogate: not an id of the vendor
            return PulledPage(PageEnd(PullOutcome.REFUSED))
        answer = await self._post_rare("/sync/sync_msg", body, PULL_MS)
        if isinstance(answer, AttemptOutcome):
            return PulledPage(PageEnd(PullOutcome.UNREACHABLE))
        if not is_success(answer.status):
            return PulledPage(PageEnd(PullOutcome.REFUSED))
        try:
            return read_page(guid, place, answer.body)
        except Exception:  # noqa: BLE001 -- undocumented: whatever it holds, nobody can read it
            return PulledPage(PageEnd(PullOutcome.UNREADABLE))


def _conforms(gateway: GuxingStreamGateway) -> StreamPuller:
    return gateway
