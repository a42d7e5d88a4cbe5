"""The reader of callbacks: it reads what the provider sends, and refuses or quarantines anything else without an error."""

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ports.gateway import CallbackItem, CallbackReader
from wework_message.domain.ports.protocols import ProviderProtocol
from wework_message.testing.provider_contract.fixtures import ProviderFixtures

MAX_EVENT_KEY: Final = 160
MAX_GUID: Final = 128
MAX_NOTIFY_TYPE: Final = 2**31 - 1
RECORDS: Final = 3


class CallbackContract(ProviderFixtures):
    """Skipped for a protocol without a reader."""

    pytestmark = pytest.mark.asyncio

    callbacks: ClassVar[Sequence[bytes]] = ()
    """Bodies of callbacks as the provider posts them, one of each kind."""

    @pytest.fixture
    def reader(self, protocol: ProviderProtocol) -> CallbackReader:
        """The protocol's reader."""
        reader = protocol.reader()
        if reader is None:
            pytest.skip("the protocol has no callbacks")
        assert self.callbacks, "the suite needs some callbacks of the provider"
        return reader

    async def test_a_callback_is_read_and_its_items_are_read_again(self, reader: CallbackReader) -> None:
        for body in self.callbacks:
            items = reader.read(body)
            assert items
            assert reader.read(body) == items, "the same body gives other items"
            assert [item for item in items if item.defect is not None] == []
            assert_storable(items)
            assert [reader.reread(item.notify_type, item.raw) for item in items] == list(items)

    async def test_a_callback_has_no_more_items_than_it_may_have(self, reader: CallbackReader) -> None:
        for body in self.callbacks:
            whole = reader.read(body)
            for limit in range(1, RECORDS):
                items = reader.read(body, max_records=limit)
                assert len(items) == min(len(whole), limit + 1)
                assert [item.defect is not None for item in items] == [place == limit for place in range(len(items))]
                assert_storable(items)

    async def test_whatever_comes_is_read_or_refused(self, reader: CallbackReader) -> None:
        def is_read_or_refused(body: bytes) -> None:
            items = items_of(reader, body)
            assert_storable(items)
            for item in items:
                assert reader.reread(item.notify_type, item.raw).event_key == item.event_key

        for body in self.callbacks:  # what is cut off comes often, so it is not left to chance
            for end in (1, len(body) // 2, len(body) - 1):
                is_read_or_refused(body[:end])
        settings(deadline=None, database=None)(given(bodies(self.callbacks))(is_read_or_refused))()

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 50_000, b"NaN", b"null"], ids=len)
    async def test_what_is_no_callback_is_refused(self, reader: CallbackReader, body: bytes) -> None:
        assert items_of(reader, body) == ()
        with pytest.raises(InvalidValueError):
            reader.reread(1, body.decode("latin-1"))


def items_of(reader: CallbackReader, body: bytes) -> tuple[CallbackItem, ...]:
    """The items; none where the body is refused."""
    try:
        return reader.read(body)
    except InvalidValueError:
        return ()


def assert_storable(items: Sequence[CallbackItem]) -> None:
    """The columns of the inbox can hold the items."""
    for item in items:
        assert 0 < len(item.guid) <= MAX_GUID
        assert 0 < len(item.event_key) <= MAX_EVENT_KEY
        assert abs(item.notify_type) <= MAX_NOTIFY_TYPE
        assert item.raw


def bodies(callbacks: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Callbacks that were cut off, or have another byte or another value somewhere; and bodies that are something else."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner))
    return st.one_of(
        st.binary(max_size=64),
        values.map(msgspec.json.encode),
        cut_off(callbacks),
        with_another_byte(callbacks),
        with_another_value(callbacks, values),
    )


@st.composite
def cut_off(draw: st.DrawFn, callbacks: Sequence[bytes]) -> bytes:
    """The beginning of a callback."""
    body = draw(st.sampled_from(callbacks))
    return body[: draw(st.integers(0, len(body)))]


@st.composite
def with_another_byte(draw: st.DrawFn, callbacks: Sequence[bytes]) -> bytes:
    """A callback with one byte replaced."""
    body = draw(st.sampled_from(callbacks))
    place = draw(st.integers(0, len(body) - 1))
    return body[:place] + bytes([draw(st.integers(0, 255))]) + body[place + 1 :]


@st.composite
def with_another_value(draw: st.DrawFn, callbacks: Sequence[bytes], values: st.SearchStrategy[object]) -> bytes:
    """A callback in JSON with one value, at whatever depth, replaced; as it is where it is something else."""
    body = draw(st.sampled_from(callbacks))
    try:
        whole = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    place = whole
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            place[key] = draw(values)
            break
        place = inner
    return msgspec.json.encode(whole)
