"""The promise that every port of stored things keeps: what is another tenant's is as if it were not there."""

import dataclasses
from collections.abc import Callable
from typing import Final

from tests.contracts.replays_contract import a_replay
from tests.support.builders.control import a_pause
from tests.support.builders.messages import NOW, PROVIDER, a_due_message
from tests.support.builders.webhooks import an_endpoint

from wework_message.domain.account import Account, Binding, binding_id_of, implicit_account_id, implicit_binding
from wework_message.domain.control import PauseScope
from wework_message.domain.ids import AccountId, BatchId, Guid, MessageId, PlacementId, TenantId
from wework_message.domain.inbox import REPLAYABLE, InboxState
from wework_message.domain.message.timeline import Note
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.placement import Placement
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.inbox import ReplaySelection
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.replays import ReplayReader
from wework_message.domain.ports.repositories import NewBatch, UnitOfWorkFactory
from wework_message.domain.ports.webhooks import WebhookReader
from wework_message.domain.registration import unbound
from wework_message.domain.replay import ItemState, ReplayItem

OPERATOR, OWNER, OTHER = TenantId("default"), TenantId("owner"), TenantId("other")
GUID, ACCOUNT = Guid("guid-of-owner"), AccountId("account-of-owner")
BINDING: Final = Binding(binding_id_of(GUID, PROVIDER), ACCOUNT, PROVIDER, GUID)


async def register(units: UnitOfWorkFactory) -> None:
    async with units() as unit:
        await unit.accounts.save(Account(ACCOUNT, OWNER, version=1), [BINDING])
        await unit.commit()


class TenantsContract:
    async def test_messages_with_all_that_is_told_of_them(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        await register(units)
        batch = NewBatch(BatchId("b-1"), OWNER, "FANOUT", 1, NOW)
        message = a_due_message(tenant_id=OWNER, account_id=ACCOUNT, guid=GUID, batch_id=batch.id, index=0)
        message.notes.append(Note("SEEN", NOW))
        async with units() as unit:
            await unit.messages.add([message], [batch])
            await unit.commit()
        for tenant, expected in ((OWNER, 1), (None, 1), (OTHER, 0), (OPERATOR, 0)):
            assert len(await reader.messages(tenant, [message.id])) == expected
            assert len(await reader.timeline(tenant, message.id)) == expected
            assert len(await reader.batch_items(tenant, batch.id, limit=9, after=-1)) == expected
            for filters in (MessageFilter(), MessageFilter(account_id=ACCOUNT), MessageFilter(batch_id=batch.id),
                            MessageFilter(status=message.status), MessageFilter(guid=GUID)):  # fmt: skip
                page = await reader.page(tenant, filters, limit=9, before=None)
                assert len(page.messages) == expected, (tenant, filters)
            async with units() as unit:
                assert len(await unit.messages.get([message.id], tenant_id=tenant)) == expected

    async def test_a_list_of_a_tenant_goes_on_behind_the_messages_of_others(
        self, units: UnitOfWorkFactory, reader_that_walks: Callable[[int], MessageReader]
    ) -> None:
        messages = [a_due_message(tenant_id=tenant) for tenant in (OWNER, *[OTHER] * 5, OPERATOR, *[OTHER] * 5)]
        async with units() as unit:
            await unit.messages.add(messages)
            await unit.commit()
        for tenant in (OPERATOR, OWNER):
            before, ids = None, []
            for _ in range(20):
                page = await reader_that_walks(2).page(tenant, MessageFilter(), limit=3, before=before)
                ids += [view.message.id for view in page.messages]
                if (before := page.following) is None:
                    break
            assert ids == [message.id for message in messages if message.tenant_id == tenant]

    async def test_callbacks_are_of_whoever_has_or_had_their_instance(
        self, units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        await register(units)
        nobodys = Guid("nobody")
        for removed in (False, True):
            async with units() as unit:
                for guid in (GUID, nobodys):
                    item = CallbackItem(guid, 11010, f"{guid}{removed}", "{}", defect="junk")
                    await unit.inbox.store(PROVIDER, [item], NOW)
                if removed:
                    await unit.accounts.save(Account(ACCOUNT, OWNER, version=2), [unbound(BINDING)])
                await unit.commit()
            stored = 2 if removed else 1
            for tenant, guid, expected in (
                (OWNER, GUID, stored), (OTHER, GUID, 0), (OPERATOR, GUID, 0), (OPERATOR, nobodys, stored),
                (OWNER, nobodys, 0), (None, GUID, stored),
            ):  # fmt: skip
                of_guid = await reader.callbacks(tenant, guid, notify_type=None, limit=9, before=None)
                assert len(of_guid) == expected, (tenant, guid)
                quarantined = await reader.callbacks(
                    tenant, None, notify_type=None, limit=9, before=None, state=InboxState.QUARANTINED
                )
                assert {view.guid for view in quarantined} == {
                    known for known in (GUID, nobodys) if tenant is None or tenant == (OPERATOR, OWNER)[known == GUID]
                }
                for view in await reader.callbacks(None, guid, notify_type=None, limit=9, before=None):
                    assert (await reader.callback(tenant, view.id) is not None) == (expected > 0)
                counts = await reader.callback_counts(tenant, limit=9)
                assert counts.states[InboxState.QUARANTINED] == len(quarantined) == sum(counts.newest.values())

    async def test_callbacks_are_replayed_and_purged_by_their_tenant(self, units: UnitOfWorkFactory) -> None:
        await register(units)
        async with units() as unit:
            items = [CallbackItem(guid, 11010, str(guid), "{}", defect="junk") for guid in (GUID, Guid("nobody"))]
            await unit.inbox.store(PROVIDER, items, NOW)
            for tenant, guid, expected in (
                (OTHER, None, 0),
                (OTHER, GUID, 0),
                (OPERATOR, GUID, 0),
                (OPERATOR, None, 1),
            ):
                selection = ReplaySelection(REPLAYABLE, 0, guid, tenant)
                step = await unit.inbox.replay(selection, limit=9, before=None, dry_run=True)
                assert step.entries == expected, (tenant, guid)
            quarantined = InboxState.QUARANTINED
            for tenant, guid, expected in ((OTHER, None, 0), (OTHER, GUID, 0), (OPERATOR, GUID, 0), (OWNER, None, 1)):
                assert await unit.inbox.discard(quarantined, limit=9, guid=guid, tenant_id=tenant) == expected
            assert await unit.inbox.count(quarantined, limit=9) == 1

    async def test_a_guid_that_was_given_up_is_opened_for_its_tenant_alone(self, units: UnitOfWorkFactory) -> None:
        await register(units)
        async with units() as unit:
            await unit.accounts.save(Account(ACCOUNT, OWNER, version=2), [unbound(BINDING)])
            await unit.accounts.open(OPERATOR, [(GUID, PROVIDER)])
            (stored,) = await unit.accounts.binding_of(GUID)
            assert (stored.account_id, stored.removed) == (ACCOUNT, True)
            own = implicit_binding(Guid("own"), PROVIDER)
            await unit.accounts.open(OPERATOR, [(own.guid, PROVIDER)])
            await unit.accounts.save(Account(implicit_account_id(own.guid), OPERATOR, version=1), [unbound(own)])
            await unit.accounts.open(OPERATOR, [(own.guid, PROVIDER)])
            assert [(known.removed, known.epoch) for known in await unit.accounts.binding_of(own.guid)] == [(False, 2)]

    async def test_pauses_and_placements_end_for_their_tenant_alone(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.pauses.pause(dataclasses.replace(a_pause(PauseScope.ACCOUNT, ACCOUNT), tenant_id=OWNER))
            await unit.placements.begin(Placement(PlacementId("p"), OWNER, ACCOUNT, PROVIDER, NOW))
            for tenant, ended in ((OTHER, False), (OPERATOR, False), (OWNER, True), (OWNER, False)):
                assert await unit.pauses.resume(tenant, PauseScope.ACCOUNT, ACCOUNT) is ended
                assert await unit.placements.end(tenant, ACCOUNT) is ended

    async def test_replays(self, units: UnitOfWorkFactory, replays: ReplayReader) -> None:
        replay = a_replay(tenant_id=OWNER)
        async with units() as unit:
            await unit.replays.add(replay, [ReplayItem(MessageId("m"), ItemState.SKIPPED, "NOT_FOUND")])
            await unit.commit()
        for tenant, is_there in ((OWNER, True), (OTHER, False), (OPERATOR, False)):
            assert (await replays.replay(tenant, replay.id) is not None) is is_there
            assert len(await replays.skipped(tenant, replay.id, limit=9)) == is_there
            async with units() as unit:
                assert (await unit.replays.get(replay.id, tenant_id=tenant) is not None) is is_there

    async def test_webhooks(self, units: UnitOfWorkFactory, webhooks: WebhookReader) -> None:
        endpoint = dataclasses.replace(an_endpoint(), tenant_id=OWNER)
        async with units() as unit:
            await unit.webhooks.put(endpoint)
            await unit.webhooks.delete(OTHER, endpoint.id)
            await unit.commit()
        for tenant, is_there in ((OWNER, True), (None, True), (OTHER, False), (OPERATOR, False)):
            assert bool(await webhooks.endpoints(tenant)) is is_there
            if tenant is not None:
                async with units() as unit:
                    assert (await unit.webhooks.endpoint(tenant, endpoint.id) is not None) is is_there

    async def test_accounts_without_a_sibling(self, units: UnitOfWorkFactory, bindings: BindingReader) -> None:
        await register(units)
        for tenant, expected in ((OWNER, 1), (OTHER, 0), (OPERATOR, 0)):
            page = await bindings.without_sibling(tenant, PROVIDER, [PROVIDER], limit=9, after=None)
            assert len(page.bindings) == expected
