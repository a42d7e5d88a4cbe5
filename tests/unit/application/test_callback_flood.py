"""Callbacks in bad faith: ten times as many as there are sends, of others' instances, and long after what they report."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import DAY_MS, GUID, a_receipt, an_outcome
from tests.unit.application.test_vendor_records import (
    ACCEPTED,
    ECHO,
    FAILED,
    FAILED_AND_RETRIED,
    OWN,
    REVOKED,
    an_app,
    changed,
    come,
    record,
)

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.application.callbacks.gate import Caller
from wework_message.application.errors import CallbackRefusedError
from wework_message.application.maintenance.prune import Prune
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.inbox import InboxLimits, InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass

SENDS = 30
LIMITS = InboxLimits(max_pending=40, max_pending_per_guid=20, max_kept=20, max_kept_per_guid=10, max_finished=1_000_000)


def body(data: Any, guid: str = GUID, notify_type: int = 11010) -> bytes:
    return json.dumps({"guid": guid, "notify_type": notify_type, "data": data}).encode()


def strange() -> Iterator[bytes]:
    """Customers' messages, records of instances that nobody knows, forged and unreadable ones, notices."""
    for serial in itertools.count(1):
        yield body(record(id=str(90_000 + serial), sender="7881300000000009", send_flag=0))
        yield body(record(id=str(90_000 + serial)), guid=f"nobody-{serial}")
        yield body(changed(id=str(80_000 + serial), referid=str(serial), flag=1 << 5))
        yield body([serial, "no record"], notify_type=11013)
        yield body({"serial": serial}, notify_type=2131)


async def test_a_flood_ten_times_as_large_delays_no_send_loses_no_echo_and_stays_within_its_room() -> None:
    async with InMemoryApp(reader=GuxingCallbackReader(), inbox=LIMITS) as app:

        async def flood(callbacks: Iterator[bytes]) -> int:
            """How many were refused."""
            answers = [app.ingesting(callback) for callback in itertools.islice(callbacks, 10)]
            refused = [error for error in await asyncio.gather(*answers, return_exceptions=True) if error]
            assert all(isinstance(error, UnavailableError) for error in refused)
            return len(refused)

        callbacks, message_ids, refused = strange(), [], 0
        for number in range(1_001, 1_001 + SENDS):
            own_id = ProviderMessageId(str(number))
            receipt = a_receipt(own_id, sender_id=OWN, app_info_key=None)
            app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
            message_ids.append(await app.accept_text(to=f"S:{number}"))
            refused += await flood(callbacks)
            await app.dispatch()
            assert (await app.message(message_ids[-1])).status is MessageStatus.SENT
            await app.ingesting(body(record(id=own_id, receiver=str(number))))  # needs no room
            if number % 3 == 0:
                await app.projector.project_pending()
        await app.projector.project_pending()
        assert {(await app.message(message_id)).status for message_id in message_ids} == {MessageStatus.DELIVERED}
        assert refused > 0
        kept = [row.state for row in app.database.callbacks.committed_rows()].count(InboxState.QUARANTINED)
        assert 0 < kept <= LIMITS.max_kept


@pytest.mark.parametrize(
    ("known", "late"),
    [
        ((ECHO,), ECHO),
        ((ECHO,), FAILED),  # kept back, and brought too late
        ((ECHO, REVOKED), ECHO),
        ((ECHO, REVOKED), REVOKED),
        ((FAILED_AND_RETRIED,), FAILED_AND_RETRIED),
        ((FAILED, FAILED_AND_RETRIED), FAILED),
    ],
)
async def test_what_was_captured_and_comes_again_once_its_row_is_gone_proves_nothing_new(
    known: tuple[dict[str, Any], ...], late: dict[str, Any]
) -> None:
    async with an_app() as app:
        message_id = await app.sent(ACCEPTED)
        await come(app, *known)
        before = await app.message(message_id)
        app.clock.advance(app.policy.keep_callbacks_ms + DAY_MS)
        task, more = Prune(app.policy), True
        while more:
            async with app.units() as unit:
                more = await task.step(unit)
                await unit.commit()
        assert await app.inbox() == []
        await come(app, late)
        assert await app.message(message_id) == before
        assert app.observer.callback_counts[11010, "duplicate"] == 0


async def test_an_array_with_the_token_of_another_instance_is_refused_as_a_whole() -> None:
    async with an_app() as app:
        message_id = await app.sent(ACCEPTED)
        own_of_another = body([record(id="1"), ECHO], guid=GUID, notify_type=11013)
        for wrapped in (own_of_another, own_of_another.replace(b'"data": ', b'"data": {"data": ', 1) + b"}"):
            with pytest.raises(CallbackRefusedError):
                await app.ingesting(wrapped, Caller(guid=Guid("another"), proven=True))
        # A guid within a record, or before the one that counts, is not the callback's.
        inner = body([ECHO | {"guid": GUID}], guid="another", notify_type=11013)
        twice = inner.replace(b'{"guid": "another"', b'{"guid": "guid-a", "guid": "another"', 1)
        for forged in (inner, twice):
            await app.ingesting(forged, Caller(guid=Guid("another"), proven=True))
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert await app.inbox() == []


@pytest.mark.parametrize("proven", [False, True])
async def test_a_body_that_is_nested_too_deep_is_refused_or_kept_and_never_raises(*, proven: bool) -> None:
    deep = b'{"guid":"guid-a","notify_type":11013,"data":' + b'[{"data":' * 50_000 + b"1" + b"}]" * 50_000 + b"}"
    async with an_app() as app:
        if not proven:
            with pytest.raises(InvalidValueError, match=r"deep|no JSON"):
                await app.ingesting(deep)
            return
        await app.ingesting(deep, Caller(proven=True))
        (view,) = await app.reader.callbacks(None, Guid("?"), notify_type=None, limit=9, before=None)
        assert view.state is InboxState.QUARANTINED
