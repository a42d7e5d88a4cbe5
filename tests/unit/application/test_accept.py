import dataclasses

import pytest
from hypothesis import given, settings
from tests.support.builders import GUID, NOW, a_draft
from tests.support.world import World

from wework_message.application.commands.accept import AcceptMessage
from wework_message.application.errors import BatchConflictError, IdempotencyConflictError, UnknownNameError
from wework_message.domain.account import Account
from wework_message.domain.content import TextContent
from wework_message.domain.draft import Draft
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BatchId, MessageId, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.options import OnUnknown, SendOptions, resolved
from wework_message.domain.ports.reading import MessageFilter
from wework_message.testing.strategies import drafts


def an_item(key: str | None = None, content: str = "hello") -> AcceptMessage:
    return AcceptMessage(DEFAULT_TENANT, (a_draft(content=TextContent(content=content)),), key=key)


async def stored(world: World) -> list[MessageId]:
    page = await world.reader.page(DEFAULT_TENANT, MessageFilter(), limit=100, before=None)
    return [view.message.id for view in page]


async def test_an_accepted_message_is_durable_due_and_rung_for() -> None:
    async with World() as world:
        accepted = await world.accept(extra={"order": 7})
        view = await world.view(MessageId(accepted.target))
        assert (view.message.status, view.next_attempt_at, view.message.options.extra) == (
            MessageStatus.QUEUED, NOW, {"order": 7},
        )  # fmt: skip
        assert not accepted.duplicate
        assert world.doorbell.rings == [(accepted.target,)]
        assert world.observer.new == [accepted.target]


async def test_nothing_is_promised_while_the_store_does_not_take_it() -> None:
    async with World() as world:
        world.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await world.accept(key="k")
        assert (await stored(world), world.doorbell.rings, world.observer.new) == ([], [], [])
        assert not (await world.accept(key="k")).duplicate


async def test_the_same_request_twice_is_one_message() -> None:
    async with World() as world:
        first, second = await world.accept(key="k"), await world.accept(key="k")
        assert (second.target, second.duplicate) == (first.target, True)
        assert await stored(world) == [first.target]


async def test_another_request_with_the_same_key_is_a_conflict() -> None:
    async with World() as world:
        await world.accept(key="k")
        with pytest.raises(IdempotencyConflictError):
            await world.accept(key="k", content=TextContent(content="other"))


async def test_a_scheduled_message_waits_without_a_ring() -> None:
    async with World() as world:
        message = await world.accept_text(scheduled_at=NOW + 5_000)
        view = await world.view(message)
        assert (view.message.status, view.next_attempt_at) == (MessageStatus.SCHEDULED, NOW + 5_000)
        assert world.doorbell.rings == []
        await world.pass_time(4_999)
        assert world.gateway.calls == []
        await world.pass_time(1)
        assert (await world.message(message)).status is MessageStatus.SENT


async def test_names_that_nobody_configured_are_refused_before_anything_is_stored() -> None:
    async with World() as world:
        with pytest.raises(UnknownNameError, match="accountId"):
            await world.accept(guid=None, account_id=AccountId("nobody"))
        with pytest.raises(UnknownNameError, match="providerCode"):
            await world.accept(guid=GUID, provider_code=ProviderCode("NOBODY"))
        assert await stored(world) == []


async def test_the_parts_of_a_mixed_message_form_a_group() -> None:
    async with World() as world:
        accepted = await world.accept(a_draft(), a_draft(), a_draft(), grouped=True, key="k")
        items = await world.reader.batch_items(BatchId(accepted.target), limit=10, after=-1)
        assert [(view.message.index, view.message.group_id) for view in items] == [
            (0, accepted.target), (1, accepted.target), (2, accepted.target),
        ]  # fmt: skip
        assert (await world.accept(a_draft(), a_draft(), a_draft(), grouped=True, key="k")).target == accepted.target


async def test_a_batch_stores_its_items_in_order() -> None:
    async with World() as world:
        accepted = await world.accept_batch(*(an_item(content=str(number)) for number in range(3)), key="batch")
        batch = await world.reader.batch(DEFAULT_TENANT, accepted.batch_id)
        assert batch is not None
        assert (batch.total, dict(batch.by_status)) == (3, {MessageStatus.QUEUED: 3})
        items = await world.reader.batch_items(accepted.batch_id, limit=10, after=-1)
        assert [view.message.id for view in items] == [
            item.target for item in accepted.items if not isinstance(item, Exception)
        ]
        again = await world.accept_batch(*(an_item(content=str(number)) for number in range(3)), key="batch")
        assert (again.batch_id, again.duplicate) == (accepted.batch_id, True)
        with pytest.raises(IdempotencyConflictError):
            await world.accept_batch(an_item(), key="batch")
        assert len(await stored(world)) == 3


async def test_one_conflict_in_a_batch_leaves_the_others() -> None:
    async with World() as world:
        await world.accept_batch(an_item(key="a"))
        accepted = await world.accept_batch(an_item(key="a", content="other"), an_item(key="b"), an_item(key="a"))
        conflict, fresh, duplicate = accepted.items
        assert isinstance(conflict, IdempotencyConflictError)
        assert not isinstance(fresh, Exception)
        assert not isinstance(duplicate, Exception)
        assert (fresh.duplicate, duplicate.duplicate) == (False, True)
        assert len(await stored(world)) == 2


async def test_one_conflict_in_an_atomic_batch_stores_nothing_and_gives_the_keys_back() -> None:
    async with World() as world:
        await world.accept_batch(an_item(key="a"))
        with pytest.raises(BatchConflictError):
            await world.accept_batch(an_item(key="b"), an_item(key="a", content="other"), atomic=True, key="batch")
        assert len(await stored(world)) == 1
        accepted = await world.accept_batch(an_item(key="b"), atomic=True, key="batch")
        assert not accepted.duplicate


async def test_a_batch_of_repeated_items_only_can_be_asked_for() -> None:
    async with World() as world:
        await world.accept_batch(an_item(key="a"))
        accepted = await world.accept_batch(an_item(key="a"))
        assert await world.reader.batch(DEFAULT_TENANT, accepted.batch_id) is not None


@settings(max_examples=30, deadline=None)
@given(draft=drafts(now=NOW))
async def test_every_option_of_a_draft_reaches_the_store(draft: Draft) -> None:
    draft = dataclasses.replace(draft, content=TextContent(content="hello"))
    async with World() as world:
        if draft.account_id is not None:
            world.database.register(Account(draft.account_id))
        message = await world.message(MessageId((await world.accept(draft)).target))
        wanted = resolved(draft.options, account=None, configured=world.policy.on_unknown)
        for field in dataclasses.fields(SendOptions):
            assert getattr(message.options, field.name) == getattr(wanted, field.name), field.name
        if draft.options.expires_at is not None:
            assert message.expires_at == draft.options.expires_at


@pytest.mark.parametrize("asked", [None, OnUnknown.HOLD])
async def test_an_account_says_what_becomes_of_its_uncertain_messages_unless_the_request_does(
    asked: OnUnknown | None,
) -> None:
    account = Account(AccountId("acc"), on_unknown=OnUnknown.FAIL)
    async with World() as world:
        world.database.register(account)
        accepted = await world.accept(guid=None, account_id=account.account_id, on_unknown=asked)
        message = await world.message(MessageId(accepted.target))
        assert message.on_unknown is (asked or OnUnknown.FAIL)
