"""What is written to the audit trail, and what becomes of it while the store is away (ADR 70)."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.support.apps.in_memory_app import InMemoryApp

from wework_message.application.audit.refusals import MAX_ADDRESSES
from wework_message.domain.access.principal import OPEN_PRINCIPAL
from wework_message.domain.audit import AuditAction, AuditEntry, AuditOutcome, Refusal
from wework_message.domain.errors import UnavailableError


@pytest.fixture
async def app() -> AsyncIterator[InMemoryApp]:
    async with InMemoryApp() as app:
        yield app


def stored(app: InMemoryApp) -> Sequence[AuditEntry]:
    return sorted(app.database.audit.committed_rows(), key=lambda entry: entry.seq)


def a_refusal(address: str = "192.0.2.1") -> Refusal:
    return Refusal(AuditAction.LOGIN_FAILED, address)


async def test_what_is_begun_is_stored_when_begin_returns(app: InMemoryApp) -> None:
    trail = app.application.audit.trail
    begun = await trail.begin(AuditAction.KEY_CREATE, OPEN_PRINCIPAL, target="t")
    assert [entry.id for entry in stored(app)] == [begun.id]
    app.clock.advance(5)
    await trail.end(begun, AuditOutcome.DONE, target="made")
    assert [(entry.outcome, entry.target, entry.id) for entry in stored(app)] == [
        (AuditOutcome.STARTED, "t", begun.id), (AuditOutcome.DONE, "made", begun.id),
    ]  # fmt: skip
    assert stored(app)[1].at - stored(app)[0].at == 5


async def test_nothing_is_begun_while_the_store_is_away_and_an_end_that_is_lost_raises_nothing(
    app: InMemoryApp, caplog: pytest.LogCaptureFixture
) -> None:
    trail = app.application.audit.trail
    begun = await trail.begin(AuditAction.KEY_CREATE, OPEN_PRINCIPAL)
    app.database.away = True
    with pytest.raises(UnavailableError):
        await trail.begin(AuditAction.KEY_CREATE, OPEN_PRINCIPAL)
    await trail.end(begun, AuditOutcome.DONE)
    assert begun.id in caplog.text
    app.database.away = False
    assert [entry.outcome for entry in stored(app)] == [AuditOutcome.STARTED]


async def test_refusals_are_kept_while_the_store_is_away_and_written_once(
    app: InMemoryApp, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = app.application.audit.refusals
    for _ in range(3):
        refusals.refused(a_refusal())
    app.database.away = True
    await refusals.flush()
    refusals.refused(a_refusal())
    assert "could not be written" in caplog.text
    app.database.away = False
    for _ in range(2):
        await refusals.flush()
    assert [(entry.count, entry.address) for entry in stored(app)] == [(4, "192.0.2.1")]


async def test_a_flood_from_many_addresses_is_counted_together(app: InMemoryApp) -> None:
    refusals = app.application.audit.refusals
    for number in range(MAX_ADDRESSES + 50):
        refusals.refused(a_refusal(f"address-{number}"))
    refusals.refused(a_refusal("address-0"))
    await refusals.flush()
    counts = {entry.address: entry.count for entry in stored(app)}
    assert (len(counts), counts[None], counts["address-0"]) == (MAX_ADDRESSES + 1, 50, 2)


async def test_a_flood_while_the_store_is_away_stays_bounded_and_is_logged_once_a_minute(
    app: InMemoryApp, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = app.application.audit.refusals
    app.database.away = True
    for minute in range(3):
        for number in range(MAX_ADDRESSES):
            refusals.refused(a_refusal(f"before-{minute}-{number}"))
        flushing = asyncio.create_task(refusals.flush())
        await asyncio.sleep(0)
        for number in range(MAX_ADDRESSES):
            refusals.refused(a_refusal(f"meanwhile-{minute}-{number}"))
        await flushing
    assert caplog.text.count("could not be written") == 3
    app.database.away = False
    await refusals.flush()
    counts = [entry.count for entry in stored(app)]
    assert (len(counts), sum(counts)) == (MAX_ADDRESSES + 1, 6 * MAX_ADDRESSES)


async def test_what_was_counted_is_written_when_the_process_stops(app: InMemoryApp) -> None:
    refusals = app.application.audit.refusals
    running = asyncio.create_task(refusals.run())
    refusals.refused(a_refusal())
    await refusals.stop()
    await running
    assert [entry.count for entry in stored(app)] == [1]
