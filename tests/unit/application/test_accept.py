import dataclasses

import pytest
from hypothesis import given, settings
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, NOW, PROVIDER, a_draft

from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.accept.senders import RequestSenders
from wework_message.application.errors import BatchConflictError, IdempotencyConflictError, UnknownNameError
from wework_message.domain.account import Account
from wework_message.domain.content import TextContent
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BatchId, Guid, MessageId, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import OnUnknown, SendOptions, resolved
from wework_message.domain.message_filter import MessageFilter
from wework_message.testing.strategies import drafts


def an_item(key: str | None = None, content: str = "hello") -> AcceptMessage:
    return AcceptMessage(DEFAULT_TENANT, (a_draft(content=TextContent(content=content)),), key=key)


async def stored(app: InMemoryApp) -> list[MessageId]:
    page = (await app.reader.page(DEFAULT_TENANT, MessageFilter(), limit=100, before=None)).messages
    return [view.message.id for view in page]


async def test_an_accepted_message_is_durable_due_and_notified() -> None:
    async with InMemoryApp() as app:
        accepted = await app.accept(extra={"order": 7})
        view = await app.view(MessageId(accepted.target))
        assert (view.message.status, view.next_attempt_at, view.message.options.extra) == (
            MessageStatus.QUEUED, NOW, {"order": 7},
        )  # fmt: skip
        assert not accepted.duplicate
        assert app.notifier.wakeups == [(accepted.target,)]
        assert app.observer.new == [accepted.target]


async def test_nothing_is_promised_while_the_store_does_not_take_it() -> None:
    async with InMemoryApp() as app:
        app.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await app.accept(key="k")
        assert (await stored(app), app.notifier.wakeups, app.observer.new) == ([], [], [])
        assert not (await app.accept(key="k")).duplicate


async def test_the_same_request_twice_is_one_message() -> None:
    async with InMemoryApp() as app:
        first, second = await app.accept(key="k"), await app.accept(key="k")
        assert (second.target, second.duplicate) == (first.target, True)
        assert await stored(app) == [first.target]


async def test_another_request_with_the_same_key_is_a_conflict() -> None:
    async with InMemoryApp() as app:
        await app.accept(key="k")
        with pytest.raises(IdempotencyConflictError):
            await app.accept(key="k", content=TextContent(content="other"))


async def test_a_scheduled_message_waits_without_a_notification() -> None:
    async with InMemoryApp() as app:
        message = await app.accept_text(scheduled_at=NOW + 5_000)
        view = await app.view(message)
        assert (view.message.status, view.next_attempt_at) == (MessageStatus.SCHEDULED, NOW + 5_000)
        assert app.notifier.wakeups == []
        await app.pass_time(4_999)
        assert app.gateway.calls == []
        await app.pass_time(1)
        assert (await app.message(message)).status is MessageStatus.SENT


@pytest.mark.parametrize(("scheduled_at", "begins"), [(NOW + 5_000, NOW + 5_000), (NOW - 5_000, NOW), (None, NOW)])
async def test_the_default_expiry_counts_from_when_a_message_may_be_sent(scheduled_at: int | None, begins: int) -> None:
    async with InMemoryApp(expire_after_ms=60_000) as app:
        message = await app.message(await app.accept_text(scheduled_at=scheduled_at))
        assert message.expires_at == begins + 60_000


async def test_names_that_are_not_configured_are_refused_before_anything_is_stored() -> None:
    async with InMemoryApp() as app:
        with pytest.raises(UnknownNameError, match="accountId"):
            await app.accept(guid=None, account_id=AccountId("nobody"))
        with pytest.raises(UnknownNameError, match="providerCode"):
            await app.accept(guid=GUID, provider_code=ProviderCode("NOBODY"))
        assert await stored(app) == []


async def test_the_parts_of_a_mixed_message_form_a_group() -> None:
    async with InMemoryApp() as app:
        accepted = await app.accept(a_draft(), a_draft(), a_draft(), grouped=True, key="k")
        items = await app.reader.batch_items(None, BatchId(accepted.target), limit=10, after=-1)
        assert [(view.message.index, view.message.group_id) for view in items] == [
            (0, accepted.target), (1, accepted.target), (2, accepted.target),
        ]  # fmt: skip
        assert (await app.accept(a_draft(), a_draft(), a_draft(), grouped=True, key="k")).target == accepted.target


async def test_a_batch_stores_its_items_in_order() -> None:
    async with InMemoryApp() as app:
        accepted = await app.accept_batch(*(an_item(content=str(number)) for number in range(3)), key="batch")
        batch = await app.reader.batch(DEFAULT_TENANT, accepted.batch_id)
        assert batch is not None
        assert (batch.total, dict(batch.by_status)) == (3, {MessageStatus.QUEUED: 3})
        items = await app.reader.batch_items(None, accepted.batch_id, limit=10, after=-1)
        assert [view.message.id for view in items] == [
            item.target for item in accepted.items if not isinstance(item, Exception)
        ]
        again = await app.accept_batch(*(an_item(content=str(number)) for number in range(3)), key="batch")
        assert (again.batch_id, again.duplicate) == (accepted.batch_id, True)
        assert len(await stored(app)) == 3


async def test_one_conflict_in_a_batch_leaves_the_others() -> None:
    async with InMemoryApp() as app:
        await app.accept_batch(an_item(key="a"))
        accepted = await app.accept_batch(an_item(key="a", content="other"), an_item(key="b"), an_item(key="a"))
        conflict, fresh, duplicate = accepted.items
        assert isinstance(conflict, IdempotencyConflictError)
        assert not isinstance(fresh, Exception)
        assert not isinstance(duplicate, Exception)
        assert (fresh.duplicate, duplicate.duplicate) == (False, True)
        assert len(await stored(app)) == 2


async def test_one_conflict_in_an_atomic_batch_stores_nothing_and_gives_the_keys_back() -> None:
    async with InMemoryApp() as app:
        await app.accept_batch(an_item(key="a"))
        with pytest.raises(BatchConflictError):
            await app.accept_batch(an_item(key="b"), an_item(key="a", content="other"), atomic=True, key="batch")
        assert len(await stored(app)) == 1
        accepted = await app.accept_batch(an_item(key="b"), atomic=True, key="batch")
        assert not accepted.duplicate


async def test_a_batch_of_repeated_items_only_can_be_asked_for() -> None:
    async with InMemoryApp() as app:
        await app.accept_batch(an_item(key="a"))
        accepted = await app.accept_batch(an_item(key="a"))
        assert await app.reader.batch(DEFAULT_TENANT, accepted.batch_id) is not None


@settings(max_examples=30, deadline=None)
@given(draft=drafts(now=NOW).filter(lambda draft: draft.pool is None))
async def test_every_option_of_a_draft_reaches_the_store(draft: Draft) -> None:
    provider_code = PROVIDER if draft.options.provider_code is not None else None  # one that the app has
    options = draft.options._replace(provider_code=provider_code, status_callback_url=None)  # no webhook has its origin
    draft = dataclasses.replace(draft, content=TextContent(content="hello"), options=options)
    async with InMemoryApp() as app:
        if draft.account_id is not None:
            app.database.register(Account(draft.account_id))
        message = await app.message(MessageId((await app.accept(draft)).target))
        expected = resolved(draft.options, account=None, configured=app.policy.on_unknown)
        for name in SendOptions._fields:
            assert getattr(message.options, name) == getattr(expected, name), name
        if draft.options.expires_at is not None:
            assert message.expires_at == draft.options.expires_at


@pytest.mark.parametrize("requested", [None, OnUnknown.HOLD])
async def test_an_account_says_what_becomes_of_its_uncertain_messages_unless_the_request_does(
    requested: OnUnknown | None,
) -> None:
    account = Account(AccountId("acc"), on_unknown=OnUnknown.FAIL)
    async with InMemoryApp() as app:
        app.database.register(account)
        accepted = await app.accept(guid=None, account_id=account.account_id, on_unknown=requested)
        message = await app.message(MessageId(accepted.target))
        assert message.on_unknown is (requested or OnUnknown.FAIL)


async def test_what_the_settings_say_of_uncertain_messages_holds_where_nobody_says_more() -> None:
    async with InMemoryApp(on_unknown=OnUnknown.FAIL) as app:
        assert (await app.message(await app.accept_text())).on_unknown is OnUnknown.FAIL
        assert (await app.message(await app.accept_text(on_unknown=OnUnknown.HOLD))).on_unknown is OnUnknown.HOLD


@pytest.mark.parametrize(
    "contents",
    [["0", "1", "other"], ["1", "0", "2"], ["0", "1"], ["0", "1", "2", "3"]],
    ids=["another item", "another order", "an item less", "an item more"],
)
async def test_another_batch_with_the_same_key_is_a_conflict(contents: list[str]) -> None:
    async with InMemoryApp() as app:
        await app.accept_batch(*(an_item(content=str(number)) for number in range(3)), key="batch")
        with pytest.raises(IdempotencyConflictError):
            await app.accept_batch(*(an_item(content=content) for content in contents), key="batch")
        assert len(await stored(app)) == 3


async def test_equal_senders_of_a_request_are_resolved_once() -> None:
    async with InMemoryApp() as app:
        senders = app.use_cases.application().accept_batch.accept.drafting.senders
        request = RequestSenders(senders, DEFAULT_TENANT)
        first = a_draft()
        assert request.known(first) is None
        resolved_to = await request.resolve(first)
        assert request.known(a_draft(content=TextContent(content="another"))) is resolved_to
        others = [a_draft(guid=Guid("another")), a_draft(options=SendOptions(provider_code=PROVIDER))]
        others.append(a_draft(guid=None, pool="p"))
        assert [request.known(other) for other in others] == [None] * 3
