"""What the service does with instances beside sending, and only where the settings say so."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, CONVERSATION, GUID, PROVIDER, an_outcome

from wework_message.adapters.memory.bindings import MemoryBindingReader
from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.errors import NotFoundError, NotImplementedYetError, UnknownNameError
from wework_message.application.instances.clients import Clients, MarkRead, MarkReadHandler
from wework_message.application.instances.configure import (
    MAX_PASSES,
    ConfigureInstance,
    ConfigureKnown,
    ConfigureSoon,
)
from wework_message.application.policy import InstancePolicy, Policy
from wework_message.domain.account import implicit_account_id, implicit_binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, ProviderCode
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.instances import InstanceAdmin, Notify

URL = "https://hooks.example/secret-path"
ASKED = InstancePolicy(callback_url=URL, notify=Notify.OWN, mark_read=True)
REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-1)


def allowing(instances: InstancePolicy = ASKED) -> Policy:
    return a_policy(instances={PROVIDER: instances})


def admin_of(app: InMemoryApp) -> MemoryInstanceGateway:
    return MemoryInstanceGateway(app.clock, busy=lambda: app.database.busy)


async def opened(app: InMemoryApp, *guids: Guid) -> None:
    async with app.units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(guid, PROVIDER) for guid in guids])
        await unit.commit()


async def test_an_instance_is_set_up_as_far_as_the_settings_ask() -> None:
    async with InMemoryApp() as app:
        admin, binding = admin_of(app), implicit_binding(GUID, PROVIDER)
        for instances, urls, notifies in (
            (InstancePolicy(mark_read=True), {}, {}),
            (InstancePolicy(notify=Notify.ALL), {}, {GUID: Notify.ALL}),
            (ASKED, {GUID: URL}, {GUID: Notify.OWN}),
        ):
            assert await ConfigureInstance(allowing(instances), {PROVIDER: admin})(binding)
            assert (admin.callback_urls, admin.notifies) == (urls, notifies)
        assert await ConfigureInstance(allowing(), {})(binding)  # its protocol cannot do it


async def test_what_could_not_be_set_is_logged_without_the_url(caplog: pytest.LogCaptureFixture) -> None:
    async with InMemoryApp() as app:
        admin = admin_of(app)
        admin.answer = REFUSED
        assert not await ConfigureInstance(allowing(), {PROVIDER: admin})(implicit_binding(GUID, PROVIDER))
    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == ["callback-url", "notify"]
    assert "secret-path" not in caplog.text
    assert "secret-path" not in repr(ASKED)


async def test_bound_instances_are_set_up_beside_the_request_that_bound_them() -> None:
    async with InMemoryApp() as app:
        admin = admin_of(app)
        bound = [implicit_binding(Guid(name), PROVIDER) for name in ("a", "b")]
        off = dataclasses.replace(implicit_binding(Guid("off"), PROVIDER), enabled=False)
        elsewhere = implicit_binding(Guid("elsewhere"), BACKUP)
        ConfigureSoon(ConfigureInstance(allowing(), {PROVIDER: admin}))([*bound, off, elsewhere])
        assert admin.callback_urls == {}
        while len(admin.notifies) < len(bound):  # noqa: ASYNC110 -- the tasks have no event for it
            await asyncio.sleep(0)
        assert admin.callback_urls == {binding.guid: URL for binding in bound}


async def run_until(loop: ConfigureKnown, enough: Callable[[], Awaitable[bool]]) -> None:
    task = asyncio.create_task(loop.run())
    while not await enough():  # noqa: ASYNC110 -- the loop has no event for it
        await asyncio.sleep(0)
    await loop.stop()
    await task


async def test_known_instances_are_set_up_once_in_one_process() -> None:
    async with InMemoryApp() as app:
        guids = [Guid(f"guid-{number}") for number in range(9)]
        await opened(app, *guids)
        admins = [admin_of(app), admin_of(app)]
        loops = [
            ConfigureKnown(
                ConfigureInstance(allowing(), {PROVIDER: admin}),
                MemoryBindingReader(app.database),
                ClusterLease("instances", name, 1_000, app.units),
                retry_s=0,
            )
            for name, admin in zip("ab", admins, strict=True)
        ]
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        while not any(len(admin.notifies) == len(guids) for admin in admins):  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0)
        for _ in range(50):  # many passes later
            await asyncio.sleep(0)
        for loop in loops:
            await loop.stop()
        await asyncio.gather(*tasks)
        assert [len(admin.callback_urls) for admin in admins] == [len(guids), 0]


async def test_only_what_failed_is_tried_again_and_not_for_ever() -> None:
    async with InMemoryApp() as app:
        good, bad = Guid("good"), Guid("bad")
        await opened(app, good, bad)
        calls: list[Guid] = []

        class Fails(MemoryInstanceGateway):
            async def set_notify(self, guid: Guid, notify: Notify) -> AttemptOutcome:
                calls.append(guid)
                self.answer = REFUSED if guid == bad else an_outcome(OutcomeClass.ACCEPTED)
                return await super().set_notify(guid, notify)

        admin = Fails(app.clock)
        configure = ConfigureInstance(allowing(InstancePolicy(notify=Notify.OWN)), {PROVIDER: admin})
        lease = ClusterLease("instances", "a", 1_000, app.units)
        loop = ConfigureKnown(configure, MemoryBindingReader(app.database), lease, retry_s=0)
        passes = 0

        async def many() -> bool:
            nonlocal passes
            passes += 1
            return passes > 40 * MAX_PASSES

        await run_until(loop, many)
        assert (calls.count(good), calls.count(bad)) == (1, MAX_PASSES)


async def test_the_instances_of_a_provider_are_what_it_lists() -> None:
    async with InMemoryApp() as app:
        admin = admin_of(app)
        admin.guids = [Guid("b"), Guid("a")]
        clients = Clients(
            app.policy, {PROVIDER: admin, BACKUP: app.gateways[BACKUP]}, {PROVIDER: admin}, app.use_cases.directory()
        )
        assert await clients.list(PROVIDER) == ["a", "b"]
        admin.states[Guid("a")] = ClientState.ONLINE
        assert [await clients.state(PROVIDER, guid) for guid in ("a", "b")] == [ClientState.ONLINE, ClientState.UNKNOWN]
        admin.answers = False
        with pytest.raises(UnavailableError, match=PROVIDER):
            await clients.list(PROVIDER)
        with pytest.raises(NotImplementedYetError, match="cannot list"):
            await clients.list(BACKUP)
        with pytest.raises(NotFoundError):
            await clients.list("NOBODY")
        with pytest.raises(NotImplementedYetError, match="disabled"):
            await Clients(app.policy, {}, {}, app.use_cases.directory()).state(BACKUP, "a")


def marking(app: InMemoryApp, policy: Policy, admin: InstanceAdmin) -> MarkReadHandler:
    return MarkReadHandler(policy, app.units, {PROVIDER: admin})


@pytest.mark.parametrize("by_guid", [True, False])
async def test_a_conversation_is_marked_through_an_instance_of_the_account(*, by_guid: bool) -> None:
    async with InMemoryApp() as app:
        admin = admin_of(app)
        await opened(app, GUID)
        command = MarkRead(DEFAULT_TENANT, CONVERSATION)
        name = {"guid": GUID} if by_guid else {"account_id": implicit_account_id(GUID)}
        marked = await marking(app, allowing(), admin)(dataclasses.replace(command, **name))
        assert (marked.binding.guid, marked.outcome.kind, admin.read) == (
            GUID,
            OutcomeClass.ACCEPTED,
            [(GUID, CONVERSATION)],
        )


async def test_marking_is_off_unless_the_settings_allow_it_and_says_so() -> None:
    async with InMemoryApp() as app:
        admin, command = admin_of(app), MarkRead(DEFAULT_TENANT, CONVERSATION, GUID)
        with pytest.raises(UnknownNameError):
            await marking(app, allowing(), admin)(command)
        with pytest.raises(UnknownNameError):
            await marking(app, allowing(), admin)(MarkRead(DEFAULT_TENANT, CONVERSATION, account_id=AccountId("x")))
        await opened(app, GUID)
        with pytest.raises(NotImplementedYetError, match="mark-read"):
            await marking(app, a_policy(), admin)(command)
        admin.answer = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)
        with pytest.raises(UnavailableError):
            await marking(app, allowing(), admin)(command)
        admin.answer = REFUSED
        assert (await marking(app, allowing(), admin)(command)).outcome == REFUSED


async def test_the_counts_of_bindings_are_read_twice_a_minute_at_most() -> None:
    async with InMemoryApp() as app:
        providers = app.application.providers

        async def lone(code: ProviderCode) -> int:
            (view,) = await providers.counted(providers.get(code))
            return view.counts.without_sibling

        assert await lone(PROVIDER) == 0
        await opened(app, GUID)
        assert await lone(PROVIDER) == 0
        app.clock.advance(30_000)
        assert (await lone(PROVIDER), await lone(BACKUP)) == (1, 0)
        page = await providers.without_sibling(DEFAULT_TENANT, PROVIDER, limit=5, after=None)
        assert [binding.guid for binding in page.bindings] == [GUID]
        with pytest.raises(NotFoundError):
            await providers.without_sibling(DEFAULT_TENANT, "NOBODY", limit=5, after=None)
