"""Clients are told when an account comes online or goes offline, once, whoever has seen it (ADR 65)."""

import dataclasses
import json
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, PROVIDER, an_outcome

from wework_message.application.accounts.settings import AccountSettings, BindingSettings, RequestedBinding
from wework_message.application.maintenance.binding_states import KNOWN_MS, BindingStates
from wework_message.application.maintenance.probe import ProbeProviders
from wework_message.domain.account import Account, Binding, BindingState, Standby
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, ProviderCode, WebhookId
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState, NoticeKind
from wework_message.domain.webhooks.event import EventType

ACCOUNT = AccountId("acc")
FIRST = Binding(BindingId("first"), ACCOUNT, PROVIDER, GUID, device_slot="MAC")
SECOND = Binding(BindingId("second"), ACCOUNT, PROVIDER, Guid("guid-b"), device_slot="PAD")
SPARE = dataclasses.replace(SECOND, standby=Standby.WARM, device_slot="MAC")
URL = "https://shop.example.com/events"


class Told:
    """What a client is told of accounts."""

    def __init__(self, app: InMemoryApp, webhook_id: WebhookId) -> None:
        self._app = app
        self._webhook_id = webhook_id
        self._seen = 0

    async def events(self) -> list[dict[str, Any]]:
        """What was recorded since the last call, oldest first."""
        page = await self._app.application.read_webhooks.deliveries(
            DEFAULT_TENANT, self._webhook_id, limit=100, before=None
        )
        recorded = [json.loads(delivery.body) for delivery in reversed(page)]
        self._seen, unseen = len(recorded), recorded[self._seen :]
        return unseen

    async def kinds(self) -> list[tuple[str, str, str]]:
        """Type, reason and instance of each."""
        return [
            (event["type"].removeprefix("account."), event["data"]["reason"], event["data"]["bindingId"])
            for event in await self.events()
        ]


async def told(app: InMemoryApp) -> Told:
    kinds = (EventType.ACCOUNT_ONLINE, EventType.ACCOUNT_OFFLINE)
    return Told(app, (await app.application.webhooks.create(DEFAULT_TENANT, URL, kinds)).id)


def register(app: InMemoryApp, *bindings: Binding, state: BindingState = BindingState.UNKNOWN) -> None:
    app.database.register(Account(ACCOUNT), *[dataclasses.replace(binding, state=state) for binding in bindings])


def probing(app: InMemoryApp) -> ProbeProviders:
    return ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))


async def probe(app: InMemoryApp, state: ClientState, probing: ProbeProviders, binding: Binding = FIRST) -> None:
    app.gateway.states[binding.guid] = state
    app.board.ask(binding.provider_code, binding.binding_id, binding.guid)
    await probing()


async def test_a_login_and_a_logout_are_told_once_with_who_and_why() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST)
        client, round_ = await told(app), probing(app)
        await app.receive_callback(guid=GUID, notify_type=11003, notice=NoticeKind.ONLINE)
        (online,) = await client.events()
        assert online == {
            "type": "account.online",
            "timestamp": "2025-06-15T15:06:40.000Z",
            "data": {
                "accountId": "acc", "bindingId": "first", "providerCode": PROVIDER, "guid": GUID, "reason": "LOGIN", "sequence": 1,
            },
        }  # fmt: skip
        await app.receive_callback(guid=GUID, notify_type=11002, notice=NoticeKind.ONLINE)
        await probe(app, ClientState.ONLINE, round_)
        assert await client.events() == []
        await app.receive_callback(guid=GUID, notify_type=11006, notice=NoticeKind.OFFLINE)
        assert await client.events() == []  # the provider is asked
        await probe(app, ClientState.OFFLINE, round_)
        (offline,) = await client.events()
        assert (offline["type"], offline["data"]["reason"], offline["data"]["sequence"]) == (
            "account.offline", "PROBE", 2,
        )  # fmt: skip
        await probe(app, ClientState.OFFLINE, probing(app))  # another process
        assert await client.events() == []


async def test_the_first_answer_that_says_offline_is_no_news() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST)
        client = await told(app)
        await probe(app, ClientState.OFFLINE, probing(app))
        await probe(app, ClientState.OFFLINE, probing(app), SECOND)  # of no account
        assert await client.events() == []


async def test_an_account_is_online_as_long_as_one_of_its_instances_is() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST, SECOND)
        client, round_ = await told(app), probing(app)
        await probe(app, ClientState.ONLINE, round_)
        await probe(app, ClientState.ONLINE, round_, SECOND)
        await probe(app, ClientState.OFFLINE, round_)
        assert await client.kinds() == [("online", "PROBE", "first")]
        await probe(app, ClientState.OFFLINE, round_, SECOND)
        assert await client.kinds() == [("offline", "PROBE", "second")]


async def test_a_sibling_that_nobody_has_asked_yet_is_asked_before_an_account_goes_offline() -> None:
    async with InMemoryApp() as app:
        third = dataclasses.replace(SECOND, binding_id=BindingId("third"), guid=Guid("guid-c"), device_slot="PHONE")
        register(app, FIRST, SECOND, third)
        client, round_ = await told(app), probing(app)
        await probe(app, ClientState.ONLINE, round_)
        app.gateway.states[SECOND.guid], app.gateway.states[third.guid] = ClientState.ONLINE, ClientState.UNKNOWN
        await probe(app, ClientState.OFFLINE, round_)
        assert await client.kinds() == [("online", "PROBE", "first")]  # sends go on through the second
        await probe(app, ClientState.OFFLINE, round_, SECOND)
        # Nobody can say how the third one is.
        assert await client.kinds() == [("offline", "PROBE", "second")]


@pytest.mark.parametrize(
    "sibling",
    [
        dataclasses.replace(SECOND, standby=Standby.WARM),
        dataclasses.replace(SECOND, enabled=False),
        dataclasses.replace(SECOND, provider_code=ProviderCode("LEFT_OUT")),
    ],
)
async def test_siblings_that_are_not_used_do_not_count(sibling: Binding) -> None:
    async with InMemoryApp() as app:
        register(app, FIRST, sibling)
        client, round_ = await told(app), probing(app)
        app.gateway.states[sibling.guid] = ClientState.ONLINE
        await probe(app, ClientState.ONLINE, round_)
        await probe(app, ClientState.OFFLINE, round_)
        assert await client.kinds() == [("online", "PROBE", "first"), ("offline", "PROBE", "first")]


async def test_what_the_database_did_not_take_is_told_later() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST, state=BindingState.ONLINE)
        client, round_ = await told(app), probing(app)
        app.database.away = True
        await probe(app, ClientState.OFFLINE, round_)
        app.database.away = False
        await round_()
        assert await client.kinds() == [("offline", "PROBE", "first")]
        app.database.away = True
        await probe(app, ClientState.ONLINE, round_)
        app.database.away = False
        await round_()  # nobody asks an instance that is online and idle
        assert await client.kinds() == [("online", "PROBE", "first")]


async def test_what_another_process_has_stored_is_corrected_within_minutes() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST)
        client, round_ = await told(app), probing(app)
        await probe(app, ClientState.ONLINE, round_)
        async with app.units() as unit:  # another process, which has died since
            await unit.accounts.observe(FIRST.binding_id, online=False)
            await unit.commit()
        await probe(app, ClientState.ONLINE, round_)
        assert await client.kinds() == [("online", "PROBE", "first")]
        app.clock.advance(KNOWN_MS)
        await probe(app, ClientState.ONLINE, round_)
        assert await client.kinds() == [("online", "PROBE", "first")]


async def test_answers_that_repeat_what_is_stored_cost_no_transaction_and_are_forgotten() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST)
        states = BindingStates(app.commits, app.clock)
        await states.store(FIRST.binding_id, online=True)
        app.database.away = True
        await states.store(FIRST.binding_id, online=True)
        app.database.away = False
        app.clock.advance(KNOWN_MS)
        await states.retry()
        assert states._known == {}


async def test_what_people_do_with_bindings_is_told() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST, state=BindingState.ONLINE)
        client, accounts = await told(app), app.application.accounts
        await accounts.change(DEFAULT_TENANT, ACCOUNT, AccountSettings(enabled=False))
        assert await client.kinds() == []  # its instance stays logged in
        settings = BindingSettings(enabled=False)
        await accounts.change_binding(DEFAULT_TENANT, ACCOUNT, FIRST.binding_id, settings)
        assert await client.kinds() == [("offline", "REQUEST", "first")]
        await accounts.change_binding(DEFAULT_TENANT, ACCOUNT, FIRST.binding_id, BindingSettings())
        assert await client.kinds() == [("online", "REQUEST", "first")]
        await accounts.bind(DEFAULT_TENANT, ACCOUNT, RequestedBinding(PROVIDER, SECOND.guid))
        assert await client.kinds() == []
        await accounts.unbind(DEFAULT_TENANT, ACCOUNT, FIRST.binding_id)
        assert await client.kinds() == [("offline", "REQUEST", "first")]


async def test_a_standby_that_takes_over_from_one_that_is_online_is_no_news() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST)
        app.database.register(Account(ACCOUNT), dataclasses.replace(FIRST, state=BindingState.ONLINE), SPARE)
        client, round_ = await told(app), probing(app)
        app.gateway.states[SPARE.guid] = ClientState.OFFLINE
        await app.application.activate(DEFAULT_TENANT, ACCOUNT, SPARE.binding_id, demote=True)
        assert await client.kinds() == []
        # Its login has ended that of the other one, which nobody has said.
        await probe(app, ClientState.OFFLINE, round_, SPARE)
        assert await client.kinds() == [("offline", "PROBE", "second")]


async def test_a_standby_that_takes_over_from_one_that_went_offline_brings_the_account_back() -> None:
    async with InMemoryApp() as app:
        app.database.register(Account(ACCOUNT), dataclasses.replace(FIRST, state=BindingState.ONLINE), SPARE)
        client = await told(app)
        await probe(app, ClientState.OFFLINE, probing(app))
        app.gateway.states[SPARE.guid] = ClientState.OFFLINE
        await app.application.activate(DEFAULT_TENANT, ACCOUNT, SPARE.binding_id)
        assert await client.kinds() == [("offline", "PROBE", "first"), ("online", "STANDBY", "second")]


async def test_a_change_that_is_not_committed_is_not_told() -> None:
    async with InMemoryApp() as app:
        register(app, FIRST, state=BindingState.ONLINE)
        client = await told(app)
        app.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await app.application.accounts.unbind(DEFAULT_TENANT, ACCOUNT, FIRST.binding_id)
        assert await client.kinds() == []


async def test_an_account_that_nobody_registered_has_events_too() -> None:
    async with InMemoryApp() as app:
        client = await told(app)
        await app.sent(an_outcome(OutcomeClass.ACCEPTED))
        await app.receive_callback(guid=GUID, notify_type=11003, notice=NoticeKind.ONLINE)
        assert [event["data"]["accountId"] for event in await client.events()] == [f"guid:{GUID}"]
