"""What every WebhookRepository and WebhookReader do. Subclasses provide `units`, `other_units` and `webhooks`."""

import dataclasses
from collections.abc import Sequence

from tests.support.builders.messages import A_LONG_TRACE, NOW
from tests.support.builders.webhooks import BROKEN, GONE, TAKEN, a_delivery, a_secret, an_endpoint

from wework_message.domain.ids import DEFAULT_TENANT, EventId, TenantId, WebhookId
from wework_message.domain.ports.maintenance import START
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.webhooks import WebhookReader
from wework_message.domain.webhooks.delivery import LEASE_MS, STEP_MS, Delivery, DeliveryState
from wework_message.domain.webhooks.endpoint import DisabledReason, Endpoint
from wework_message.domain.webhooks.event import SUBSCRIBABLE

_SAME = a_secret("-")


def whole(endpoint: Endpoint | None) -> object:
    """Everything of an endpoint, secrets too, as values that compare."""
    if endpoint is None:
        return None
    secrets = [None if secret is None else secret.reveal() for secret in (endpoint.secret, endpoint.previous)]
    return dataclasses.replace(endpoint, secret=_SAME, previous=None), secrets, endpoint.failed_at


W1, W2 = WebhookId("w-1"), WebhookId("w-2")


class WebhooksContract:
    async def put(self, units: UnitOfWorkFactory, *endpoints: Endpoint) -> None:
        async with units() as unit:
            for endpoint in endpoints:
                await unit.webhooks.put(endpoint)
            await unit.commit()

    async def record(self, units: UnitOfWorkFactory, *deliveries: Delivery) -> None:
        async with units() as unit:
            await unit.webhooks.record(deliveries)
            await unit.commit()

    async def claim(
        self, units: UnitOfWorkFactory, *, now: int = NOW, limit: int = 10, of: Sequence[WebhookId] = (W1,)
    ) -> Sequence[Delivery]:
        async with units() as unit:
            claimed = await unit.webhooks.claim(dict.fromkeys(of, limit), now=now)
            await unit.commit()
        return claimed

    async def end(self, units: UnitOfWorkFactory, *attempted: Delivery, now: int = NOW) -> Sequence[Delivery]:
        async with units() as unit:
            written = await unit.webhooks.end(attempted, now=now)
            await unit.commit()
        return written

    async def stored(self, webhooks: WebhookReader, webhook_id: WebhookId = W1) -> dict[str, Delivery]:
        page = await webhooks.deliveries(DEFAULT_TENANT, webhook_id, limit=100, before=None)
        return {delivery.event_id: delivery for delivery in page}

    async def test_endpoints_are_read_as_they_were_stored(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        bare = an_endpoint("w-1")
        full = an_endpoint(
            "w-2", url="https://h.example/" + "x" * 1_000, events=SUBSCRIBABLE, previous=a_secret("p"),
            previous_until=NOW + 9, disabled=DisabledReason.FAILING, failing_since=NOW - 9, failed_at=NOW - 1,
        )  # fmt: skip
        assert list(await webhooks.endpoints()) == []
        await self.put(units, full, bare)
        changed = bare.rotated(a_secret("n"), NOW).failed(NOW)
        async with units() as unit:
            assert whole(await unit.webhooks.endpoint(DEFAULT_TENANT, W1)) == whole(bare)
            assert await unit.webhooks.endpoint(DEFAULT_TENANT, WebhookId("other")) is None
            await unit.webhooks.put(changed)
            await unit.webhooks.put(changed)
            assert list(map(whole, await unit.webhooks.endpoints())) == list(map(whole, [changed, full]))
            await unit.commit()
        assert list(map(whole, await webhooks.endpoints())) == list(map(whole, [changed, full]))
        async with units() as unit:
            await unit.webhooks.delete(DEFAULT_TENANT, W2)
            await unit.webhooks.delete(DEFAULT_TENANT, W2)
            await unit.commit()
        assert list(map(whole, await webhooks.endpoints())) == [whole(changed)]

    async def test_deliveries_are_listed_newest_first_of_the_tenant_and_endpoint(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        first = a_delivery("e-1", callback_url="https://w-1.example.com/other", body='{"消":"🙂"}', trace=A_LONG_TRACE)
        second, third = a_delivery("e-2", message_id=None), a_delivery("e-3", "w-2")
        await self.record(units, first, second, third)
        await self.record(units)
        assert list(await webhooks.deliveries(DEFAULT_TENANT, W1, limit=9, before=None)) == [second, first]
        assert list(await webhooks.deliveries(DEFAULT_TENANT, W1, limit=1, before=None)) == [second]
        assert list(await webhooks.deliveries(DEFAULT_TENANT, W1, limit=9, before=EventId("e-2"))) == [first]
        assert list(await webhooks.deliveries(TenantId("other"), W1, limit=9, before=None)) == []
        assert {delivery.trace for delivery in await self.claim(units)} == {A_LONG_TRACE, None}

    async def test_what_is_due_is_claimed_once_until_its_lease_ends(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        due = [a_delivery(f"e-{place}", message_id=f"m-{place}", due_at=NOW - place) for place in range(3)]
        later = a_delivery("e-9", message_id="m-9", due_at=NOW + 1)
        elsewhere = a_delivery("e-8", "w-2", message_id="m-9")
        await self.record(units, *due, later, elsewhere)
        assert list(await webhooks.due([W1, WebhookId("w-3"), W2], now=NOW)) == [W1, W2]
        assert list(await webhooks.due([W1], now=NOW - 3)) == []
        assert list(await self.claim(units, limit=2)) == [due[2].claimed(NOW), due[1].claimed(NOW)]
        assert list(await self.claim(other_units, of=(W2, W1))) == [due[0].claimed(NOW), elsewhere.claimed(NOW)]
        assert list(await self.claim(units, of=(W1, W2))) == []
        assert list(await webhooks.due([W2], now=NOW)) == []
        assert list(await self.claim(units, now=NOW + LEASE_MS, limit=1)) == [later.claimed(NOW + LEASE_MS)]
        assert [delivery.attempts for delivery in await self.claim(units, now=NOW + LEASE_MS)] == [2, 2, 2]
        assert list(await self.claim(units, of=())) == []

    async def test_events_of_a_message_wait_for_the_one_before(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        first, second, third = (a_delivery(f"e-{place}", sequence=place, due_at=NOW - place) for place in (1, 2, 3))
        twin = a_delivery("e-4", sequence=1)
        other = a_delivery("e-5", message_id="m-2", sequence=7)
        loose = a_delivery("e-6", message_id=None)
        await self.record(units, third, second, first, twin, other, loose)
        claimed = await self.claim(units)
        assert {delivery.event_id for delivery in claimed} == {"e-1", "e-4", "e-5", "e-6"}
        stored = await self.stored(webhooks)
        assert [stored[name].due_at for name in ("e-2", "e-3")] == [NOW + STEP_MS] * 2
        assert [stored[name].attempts for name in ("e-2", "e-3")] == [0, 0]
        # They wait for what holds them up, however long, and cost a look each.
        assert list(await self.claim(units, now=NOW + STEP_MS)) == []
        assert (await self.stored(webhooks))["e-3"].due_at == NOW + LEASE_MS
        failed = first.claimed(NOW).answered(BROKEN, now=NOW + 5, fraction=0.5)
        assert list(await self.end(units, failed, now=NOW + 5)) == [failed]
        assert (await self.stored(webhooks))["e-3"].due_at == NOW + LEASE_MS
        delivered = [delivery.answered(TAKEN, now=NOW + 9, fraction=0.0) for delivery in (failed, twin.claimed(NOW))]
        assert list(await self.end(units, *delivered, now=NOW + 9)) == delivered
        stored = await self.stored(webhooks)
        assert [stored[name].due_at for name in ("e-1", "e-2", "e-3")] == [None, NOW + 9, NOW + 9]
        assert [delivery.event_id for delivery in await self.claim(units, now=NOW + 9)] == ["e-2"]

    async def test_the_ends_of_many_make_due_what_waits_for_their_messages_at_their_endpoint(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        heads = [a_delivery(f"e-{place}", message_id=f"m-{place}", sequence=1) for place in range(3)]
        behind = [a_delivery(f"f-{place}", message_id=f"m-{place}", sequence=2) for place in range(3)]
        elsewhere = [a_delivery(f"e-{place}", "w-2", message_id="m-0", sequence=place) for place in range(2)]
        await self.record(units, *heads, *behind, *elsewhere)
        claimed = await self.claim(units, of=(W1, W2))
        ended = [delivery.answered(TAKEN, now=NOW + 9, fraction=0.0) for delivery in claimed[:2]]
        await self.end(units, *ended, now=NOW + 9)
        own = await self.stored(webhooks)
        assert [own[f"f-{place}"].due_at for place in range(3)] == [NOW + 9, NOW + 9, NOW + STEP_MS]
        assert list(await webhooks.due([W2], now=NOW + 9)) == []

    async def test_many_events_that_wait_do_not_keep_others_from_being_claimed(self, units: UnitOfWorkFactory) -> None:
        await self.record(
            units,
            *[a_delivery(f"e-{place}", sequence=place, due_at=NOW - 100 + place) for place in range(20)],
            a_delivery("f", message_id="m-2"),
        )
        assert [delivery.event_id for delivery in await self.claim(units, limit=4)] == ["e-0", "f"]

    async def test_a_failure_of_a_lost_lease_changes_nothing_and_a_success_does(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        await self.record(units, a_delivery())
        (mine,) = await self.claim(units)
        (yours,) = await self.claim(units, now=NOW + LEASE_MS)
        late = mine.answered(BROKEN, now=NOW + LEASE_MS, fraction=0.0)
        assert list(await self.end(units, late)) == []
        assert (await self.stored(webhooks))["e-1"] == yours
        taken = mine.answered(TAKEN, now=NOW + LEASE_MS + 1, fraction=0.0)
        assert list(await self.end(units, taken)) == [taken]
        assert list(await self.end(units, yours.answered(GONE, now=NOW, fraction=0.0))) == []
        assert (await self.stored(webhooks))["e-1"].state is DeliveryState.DELIVERED
        assert list(await self.end(units, dataclasses.replace(taken, event_id=EventId("none")))) == []
        assert list(await self.end(units)) == []

    async def test_what_is_given_back_is_due_as_if_nobody_had_claimed_it(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        await self.record(units, *[a_delivery(f"e-{place}", message_id=f"m-{place}") for place in range(3)])
        anew, lost, ended = await self.claim(units)
        await self.end(units, ended.answered(TAKEN, now=NOW + 1, fraction=0.0))
        (claimed_anew,) = await self.claim(other_units, now=NOW + LEASE_MS, limit=1)
        async with units() as unit:
            await unit.webhooks.give_back([], now=NOW)
            unknown = dataclasses.replace(lost, event_id=EventId("none"))
            await unit.webhooks.give_back([anew, lost, ended, unknown], now=NOW + LEASE_MS + 1)
            await unit.commit()
        stored = await self.stored(webhooks)
        assert stored["e-0"] == claimed_anew
        assert (stored["e-1"].attempts, stored["e-1"].due_at) == (0, NOW + LEASE_MS + 1)
        assert stored["e-2"].state is DeliveryState.DELIVERED
        assert list(await self.claim(units, now=NOW + LEASE_MS + 1)) == [stored["e-1"].claimed(NOW + LEASE_MS + 1)]

    async def test_whether_anything_was_delivered_since_is_known(self, units: UnitOfWorkFactory) -> None:
        early, failed = (a_delivery(f"e-{place}", message_id=f"m-{place}", created_at=NOW) for place in (1, 2))
        other = a_delivery("e-3", "w-2", message_id="m-3", created_at=NOW + 9)
        await self.record(units, early, failed, other)
        await self.claim(units, of=(W1, W2), now=NOW + 9)
        async with units() as unit:
            assert not await unit.webhooks.delivered_since(W1, NOW)
        taken = [delivery.claimed(NOW + 9).answered(TAKEN, now=NOW + 9, fraction=0.0) for delivery in (early, other)]
        gone = failed.claimed(NOW + 9).answered(GONE, now=NOW + 9, fraction=0.0)
        await self.end(units, *taken, gone, now=NOW + 9)
        async with units() as unit:
            known = [await unit.webhooks.delivered_since(of, since) for of in (W1, W2) for since in (NOW, NOW + 1)]
        assert known == [True, False, True, True]

    async def test_failed_ones_are_recovered_from_a_time_on(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        kept = [a_delivery(f"e-{place}", message_id=f"m-{place}", created_at=NOW + place) for place in range(4)]
        waiting, delivered = a_delivery("f-1", message_id="x"), a_delivery("f-2", message_id="y", created_at=NOW + 9)
        await self.record(units, *kept, waiting, delivered, a_delivery("e-2", "w-2"))
        gone = [delivery.claimed(NOW).answered(GONE, now=NOW, fraction=0.0) for delivery in kept]
        claimed = await self.claim(units)
        assert len(claimed) == 6
        taken = delivered.claimed(NOW).answered(TAKEN, now=NOW, fraction=0.0)
        await self.end(units, *gone, taken)
        async with units() as unit:
            assert await unit.webhooks.recover(W1, since=NOW + 1, limit=2, now=NOW + 50) == 2
            assert await unit.webhooks.recover(W1, since=NOW + 1, limit=2, now=NOW + 50) == 1
            assert await unit.webhooks.recover(W1, since=NOW + 1, limit=2, now=NOW + 50) == 0
            await unit.commit()
        stored = await self.stored(webhooks)
        assert stored["e-0"] == gone[0]
        assert [stored[f"e-{place}"] for place in (1, 2, 3)] == [lost.recovered(NOW + 50) for lost in gone[1:]]
        assert stored["f-2"] == taken
        assert len(await self.claim(units, now=NOW + 50)) == 3

    async def test_what_is_not_committed_did_not_happen(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        async with units() as unit:
            await unit.webhooks.put(an_endpoint())
            await unit.webhooks.record([a_delivery()])
        assert list(await webhooks.endpoints()) == []
        assert await self.stored(webhooks) == {}

    async def test_old_deliveries_are_pruned_endpoint_by_endpoint(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        old = [a_delivery(f"e-{place}", message_id=None, created_at=NOW - 1_001) for place in range(3)]
        await self.record(
            units, *old, a_delivery("f-1", message_id=None), a_delivery("e-9", "w-2", created_at=NOW - 2_000)
        )
        (done, *_) = await self.claim(units, limit=1)
        await self.end(units, done.answered(TAKEN, now=NOW, fraction=0.0))
        deleted: list[int] = []
        position: str | None = START
        while position is not None:
            async with units() as unit:
                pruned = await unit.pruning.deliveries(older_than_ms=1_000, limit=2, after=position)
                await unit.commit()
            deleted.append(pruned.deleted)
            position = pruned.after
        assert deleted == [2, 1, 1, 0]
        assert set(await self.stored(webhooks)) == {"f-1"}
        assert await self.stored(webhooks, W2) == {}

    async def test_what_waits_for_an_enabled_endpoint_is_not_pruned_before_its_attempts(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        disabled = an_endpoint("w-2", disabled=DisabledReason.FAILING)
        await self.put(units, an_endpoint("w-1"), disabled)
        old = [a_delivery("e-1", of, created_at=NOW - 9_000, due_at=NOW - 9_000) for of in (W1, W2)]
        await self.record(units, *old)

        async def prune() -> None:
            async with units() as unit:
                for after in (START, W1):
                    await unit.pruning.deliveries(older_than_ms=1_000, limit=9, after=after)
                await unit.commit()

        await prune()
        assert await self.stored(webhooks, W2) == {}
        (claimed,) = await self.claim(units)
        await self.end(units, claimed.answered(BROKEN, now=NOW, fraction=0.0))
        await prune()
        assert set(await self.stored(webhooks)) == {"e-1"}
        await self.end(units, claimed.answered(GONE, now=NOW, fraction=0.0))
        await prune()
        assert await self.stored(webhooks) == {}

    async def test_an_event_that_is_recorded_again_is_left_as_it_is(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        again = a_delivery(body="{}", created_at=NOW + 9)
        await self.record(units, a_delivery(), again)
        (claimed,) = await self.claim(units)
        await self.record(units, a_delivery("e-2", message_id=None), again, a_delivery("e-1", "w-2"))
        assert (await self.stored(webhooks))["e-1"] == claimed
        assert set(await self.stored(webhooks)) == {"e-1", "e-2"}
        assert set(await self.stored(webhooks, W2)) == {"e-1"}

    async def test_of_failed_deliveries_so_many_are_kept_the_newest(
        self, units: UnitOfWorkFactory, webhooks: WebhookReader
    ) -> None:
        failed = [a_delivery(f"e-{place}", message_id=None, created_at=NOW - place).withheld(NOW) for place in range(6)]
        waiting = a_delivery("f", message_id=None, created_at=NOW - 9)
        await self.record(units, *failed, waiting, a_delivery("e-5", "w-2", created_at=NOW - 9).withheld(NOW))
        assert list(await self.claim(units)) == [waiting.claimed(NOW)]
        deleted: list[int] = []
        position: str | None = START
        while position is not None:
            async with units() as unit:
                pruned = await unit.pruning.deliveries(older_than_ms=1_000, limit=2, after=position, beyond=3)
                await unit.commit()
            deleted.append(pruned.deleted)
            position = pruned.after
        assert deleted == [2, 1, 0, 0]
        assert set(await self.stored(webhooks)) == {"e-0", "e-1", "e-2", "f"}
        assert set(await self.stored(webhooks, W2)) == {"e-5"}
