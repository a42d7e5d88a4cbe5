"""The journal of every message, folded again: what is stored agrees with it, and a damaged row is named."""

import dataclasses
from typing import Any

from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import PROVIDER, a_receipt, a_stream_record, an_outcome

from wework_message.application.maintenance.verify_statuses import Verified, VerifyStatuses, VerifyStatusesHandler
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.refold import Difference
from wework_message.domain.outcomes import OutcomeClass


async def verified(app: InMemoryApp, reader: Any = None, readers: Any = None) -> Verified:
    handler = VerifyStatusesHandler(reader or app.reader, {PROVIDER: app.callbacks} if readers is None else readers)
    return await handler(VerifyStatuses(shuffle=4))


async def a_delivered(app: InMemoryApp) -> MessageId:
    message_id = await app.sent(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("7")))
    await app.receive_callback(stream_record=a_stream_record(provider_message_id="7"))
    assert (await app.message(message_id)).status is MessageStatus.DELIVERED
    return message_id


class Damaged:
    """A reader whose messages were changed behind the service's back."""

    def __init__(self, app: InMemoryApp, **changes: Any) -> None:
        self._reader = app.reader
        self._changes = changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def page(self, *args: Any, **named: Any) -> Any:
        page = await self._reader.page(*args, **named)
        return dataclasses.replace(page, messages=[self._damage(view) for view in page.messages])

    def _damage(self, view: Any) -> Any:
        lifecycle = dataclasses.replace(view.message.lifecycle, **self._changes)
        return dataclasses.replace(view, message=dataclasses.replace(view.message, lifecycle=lifecycle))


async def test_what_is_stored_agrees_with_its_journal_in_every_order() -> None:
    async with InMemoryApp() as app:
        await a_delivered(app)
        await app.sent(an_outcome(OutcomeClass.UNCERTAIN))
        await app.accept_text(scheduled_at=app.clock.now() + 60_000)
        done = await verified(app)
    assert (done.messages, done.facts, done.records, done.unreadable, done.named) == (3, 1, 1, 0, [])


async def test_a_damaged_status_is_named() -> None:
    async with InMemoryApp() as app:
        message_id = await a_delivered(app)
        done = await verified(app, Damaged(app, status=MessageStatus.FAILED))
        assert done.named == [(message_id, Difference.STATUS)]


async def test_a_message_that_changed_while_it_was_read_is_read_again() -> None:
    async with InMemoryApp() as app:
        await a_delivered(app)

        class Stale(Damaged):
            async def page(self, *args: Any, **named: Any) -> Any:
                page = await super().page(*args, **named)
                for view in page.messages:
                    view.message.version -= 1
                return page

        stale = Stale(app, status=MessageStatus.SENT)
        assert (await verified(app, stale)).named == []


async def test_a_record_that_no_attempt_knows_is_named_and_an_unreadable_one_is_counted() -> None:
    async with InMemoryApp() as app:
        message_id = await a_delivered(app)

        class Forgetful(Damaged):
            async def messages(self, *args: Any) -> Any:
                views = await app.reader.messages(*args)
                for view in views.values():
                    view.message.attempts[0].facts = frozenset()
                return views

        assert (await verified(app, Forgetful(app))).named == [(message_id, Difference.RECORD)]
        assert (await verified(app, readers={})).unreadable == 1
