"""What workers do for tenants that cannot see each other: no message, event or record of one goes to another."""

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import PROVIDER, a_draft, a_stream_record

from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.errors import UnknownNameError
from wework_message.application.maintenance.recover import Recover, RecoverHandler
from wework_message.domain.account import Account, Binding, binding_id_of
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, MessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.webhooks.event import EventType
from wework_message.entrypoints.intake.translating import command_of
from wework_message.entrypoints.wire.requests.body import Limits

OWNER, GUID, ACCOUNT = TenantId("owner"), Guid("guid-of-owner"), AccountId("account-of-owner")


def register(app: InMemoryApp, guid: Guid = GUID) -> None:
    app.database.register(
        Account(ACCOUNT, OWNER, version=1), Binding(binding_id_of(guid, PROVIDER), ACCOUNT, PROVIDER, guid)
    )
    app.application.accounts.directory.expire()


async def sent_by(app: InMemoryApp, tenant: TenantId, guid: Guid = GUID) -> MessageId:
    accepted = await app.accepting(AcceptMessage(tenant, (a_draft(guid=guid),)))
    await app.dispatch()
    return MessageId(accepted.target)


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_a_customer_writes_is_told_to_the_tenant_of_the_instance_alone(*, at_once: bool) -> None:
    async with InMemoryApp() as app:
        register(app)
        registry = app.application.webhooks
        own = await registry.create(OWNER, "https://owner.example.com/", (EventType.MESSAGE_RECEIVED,))
        other = await registry.create(DEFAULT_TENANT, "https://ops.example.com/", (EventType.MESSAGE_RECEIVED,))
        await sent_by(app, OWNER)
        name = {"provider_message_id": "c-1"} if at_once else {}
        record = a_stream_record("hello", marked_own=False, sender="customer", guid=GUID, **name)
        await app.receive_callback(stream_record=record, guid=GUID)
        reader = app.application.read_webhooks
        assert len(await reader.deliveries(OWNER, own.id, limit=9, before=None)) == 1
        assert await reader.deliveries(DEFAULT_TENANT, other.id, limit=9, before=None) == []


async def test_a_message_does_not_go_through_an_instance_that_another_tenant_registered_since() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text(guid=GUID)
        register(app)
        await app.dispatch()
        assert app.gateway.calls == []
        assert len((await app.message(message_id)).attempts) == 0
        with pytest.raises(UnknownNameError, match="guid"):
            await app.accept_text(guid=GUID)


async def test_after_a_restore_the_messages_of_every_tenant_are_uncertain() -> None:
    async with InMemoryApp() as app:
        register(app)
        await app.accepting(AcceptMessage(OWNER, (a_draft(guid=GUID),)))
        await app.accept_text()
        app.clock.advance(1_000)
        handler = RecoverHandler(
            app.units, app.reader, app.application.replays, app.policy, app.clock, app.use_cases.record_events()
        )
        recovered = await handler(Recover(app.clock.now() - 500))
        assert recovered.marked_uncertain[MessageStatus.QUEUED] == 2


def test_what_a_queue_brings_is_of_its_tenant_whatever_it_says() -> None:
    body = b'{"guid":"g","conversationId":"S:1","messageType":"TEXT","content":"x"}'
    assert command_of(body, tenant_id=OWNER, limits=Limits(), now=0).tenant_id == OWNER
