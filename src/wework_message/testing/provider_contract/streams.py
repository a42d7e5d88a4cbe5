"""Pulling the message stream of an instance: what is there is read as the reader of callbacks does, and nothing raises."""

from typing import ClassVar, Final

import pytest

from wework_message.domain.ids import Guid
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.protocols import ProviderProtocol
from wework_message.domain.ports.streams import PulledPage, StreamPuller
from wework_message.domain.stream import PullOutcome
from wework_message.testing.provider_contract.callbacks import assert_storable
from wework_message.testing.provider_contract.faults import Fault
from wework_message.testing.provider_contract.fixtures import ProviderFixtures
from wework_message.testing.provider_contract.http_provider import HttpProvider

LIMIT: Final = 100
MAX_CURSOR: Final = 64


class StreamContract(ProviderFixtures):
    """Skipped for a protocol whose gateway is no `StreamPuller`."""

    pytestmark = pytest.mark.asyncio

    stream_seq: ClassVar[str] = "1"
    """The `seq` of a record that the stream of the instance has at the provider, where it can be pulled."""

    async def test_what_is_in_the_stream_is_read_and_is_read_once(
        self, protocol: ProviderProtocol, gateway: MessageGateway, guid: Guid
    ) -> None:
        puller, cursor = puller_of(gateway), self._cursor(gateway)
        page = await puller.pull(guid, cursor, LIMIT)
        assert (page.end.outcome, page.end.more) == (
            PullOutcome.READ,
            False,
        )  # the first may have nothing that it joins
        assert page.items, "the suite needs a record in the stream of the instance"
        assert_storable(page.items)
        reader = protocol.reader()
        assert reader is not None, "without a reader nothing can be made of the records"
        assert [reader.reread(item.notify_type, item.raw) for item in page.items] == list(page.items)
        assert {item.guid for item in page.items} == {guid}
        assert {item.notify_type for item in page.items} <= set(page.notify_types)
        assert page.end.cursor is not None
        assert max(len(cursor), len(page.end.cursor)) <= MAX_CURSOR
        again = await puller.pull(guid, page.end.cursor, LIMIT)
        assert {item.event_key for item in again.items} <= {item.event_key for item in page.items}
        assert (again.end.is_whole, again.end.more) == (True, False)

    @pytest.mark.parametrize(
        "fault",
        [Fault.CLOSED_UNREAD, Fault.RESET_AFTER_BODY, Fault.HALF_ANSWER, Fault.HTTP_500, Fault.HTML, Fault.DEEP_JSON],
    )
    async def test_no_fault_makes_a_pull_raise_or_bring_anything(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            puller, cursor = puller_of(gateway), self._cursor(gateway)
            provider.misbehave(fault)
            assert_empty(await puller.pull(guid, cursor, LIMIT))

    @pytest.mark.parametrize("odd", ["\ud83d", "", "\0", "-1", "9" * 400], ids=ascii)
    async def test_a_guid_or_a_place_that_nobody_has_makes_nothing_raise(
        self, gateway: MessageGateway, guid: Guid, odd: str
    ) -> None:
        puller = puller_of(gateway)
        for page in (await puller.pull(Guid(odd), self._cursor(gateway), LIMIT), await puller.pull(guid, odd, LIMIT)):
            assert isinstance(page, PulledPage)
        assert puller.cursor_before(odd) is None

    def _cursor(self, gateway: MessageGateway) -> str:
        cursor = puller_of(gateway).cursor_before(self.stream_seq)
        assert cursor, "the seq of a receipt must be a place in the stream"
        return cursor


def puller_of(gateway: MessageGateway) -> StreamPuller:
    """The gateway; the test is skipped where it pulls nothing."""
    if not isinstance(gateway, StreamPuller):
        pytest.skip("the protocol does not pull message streams")
    return gateway


def assert_empty(page: PulledPage) -> None:
    """What was not read brings nothing, and leaves the place where it is."""
    assert page.end.outcome is not PullOutcome.READ
    assert (page.items, page.end.cursor, page.end.is_whole) == ((), None, False)
