from collections.abc import Sequence

import pytest
from tests.support.builders import DAY_MS, HORIZON_MS, LEASE_MS, a_sighting, an_outcome, depart
from tests.support.world import World

from wework_message.application.commands.recover import Recover, Recovered, RecoverHandler
from wework_message.domain.errors import IllegalTransitionError, InvalidValueError
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.options import OnUnknown
from wework_message.domain.outcomes import OutcomeClass

HOUR_MS = 3_600_000


async def recovered(world: World, *, ago_ms: int = HOUR_MS, dry_run: bool = False) -> Recovered:
    handler = RecoverHandler(world.units, world.reader, world.policy, world.clock)
    return await handler(Recover(world.clock.now() - ago_ms, dry_run=dry_run))


async def statuses(world: World, ids: Sequence[MessageId]) -> list[MessageStatus]:
    return [(await world.message(one)).status for one in ids]


async def test_what_was_waiting_is_unknown_and_is_never_sent_by_itself() -> None:
    async with World() as world:
        ids = [await world.accept_text(f"text {number}") for number in range(3)]
        done = await recovered(world)
        assert (dict(done.doubted), sum(done.left.values())) == ({**done.doubted, MessageStatus.QUEUED: 3}, 0)
        await world.dispatch()
        for _ in range(4):
            await world.pass_time(2 * DAY_MS)
        assert await statuses(world, ids) == [MessageStatus.UNKNOWN] * 3
        assert world.gateway.calls == []
        message = await world.message(ids[0])
        assert (message.reason, len(message.attempts)) == ("RESTORED", 1)
        assert [one.detail for one in await world.reader.timeline(ids[0]) if one.kind == "RESTORED"] == [
            "it was QUEUED"
        ]


async def test_new_messages_of_the_same_conversation_go_at_once() -> None:
    async with World() as world:
        await world.accept_text("old")
        await recovered(world)
        new = await world.accept_text("new")
        await world.dispatch()
        assert await statuses(world, [new]) == [MessageStatus.SENT]


async def test_an_echo_stamped_after_the_backup_settles_its_message() -> None:
    async with World() as world:
        old, other = await world.accept_text("first"), await world.accept_text("second")
        await recovered(world)
        await world.hear(sighting=a_sighting(text="first", sent_at=world.clock.now() - HOUR_MS // 2))
        await world.hear(sighting=a_sighting(text="second", sent_at=world.clock.now() - 2 * HOUR_MS))
        assert await statuses(world, [old, other]) == [MessageStatus.DELIVERED, MessageStatus.UNKNOWN]


async def test_a_call_that_was_open_is_unknown_and_its_late_lease_changes_nothing() -> None:
    async with World() as world:
        message_id = await world.accept_text()

        async with world.units() as unit:
            message = (await unit.messages.get([message_id]))[message_id]
            depart(message, now=world.clock.now())
            await unit.messages.save([message])
            await unit.commit()
        done = await recovered(world)
        assert done.doubted[MessageStatus.SENDING] == 1
        new = await world.accept_text("new")
        await world.dispatch()
        assert await statuses(world, [new]) == [MessageStatus.SENT]
        await world.pass_time(LEASE_MS + 1)
        message = await world.message(message_id)
        assert (message.status, message.reason, len(message.attempts)) == (MessageStatus.UNKNOWN, "RESTORED", 1)
        assert [one.message_id for one in world.gateway.calls] == [new]


async def test_what_is_scheduled_for_later_is_left_and_goes_at_its_time() -> None:
    async with World() as world:
        later = await world.accept_text("later", scheduled_at=world.clock.now() + HOUR_MS)
        past = await world.accept_text("past", to="S:9", scheduled_at=world.clock.now() + HOUR_MS // 2)
        world.clock.advance(HOUR_MS // 2)
        done = await recovered(world)
        assert done.left[MessageStatus.SCHEDULED] == done.doubted[MessageStatus.SCHEDULED] == 1
        await world.pass_time(HOUR_MS)
        assert await statuses(world, [later, past]) == [MessageStatus.SENT, MessageStatus.UNKNOWN]


async def test_what_expired_meanwhile_may_have_been_sent_before_it_did() -> None:
    async with World() as world:
        message_id = await world.accept_text()
        world.clock.advance(2 * DAY_MS)
        await recovered(world)
        await world.dispatch()
        assert await statuses(world, [message_id]) == [MessageStatus.UNKNOWN]


async def test_what_rests_and_what_is_unknown_already_stays_as_it_is() -> None:
    async with World() as world:
        sent = await world.accept_text()
        await world.dispatch()
        world.gateway.script(an_outcome(OutcomeClass.UNCERTAIN, reason="READ"))
        unknown = await world.accept_text(to="S:7")
        await world.dispatch()
        before = [await world.message(one) for one in (sent, unknown)]
        for _ in range(2):
            done = await recovered(world)
            assert sum(done.doubted.values()) == 0
            assert done.left[MessageStatus.UNKNOWN] == 1
        assert [await world.message(one) for one in (sent, unknown)] == before


async def test_a_dry_run_counts_and_changes_nothing() -> None:
    async with World() as world:
        ids = [await world.accept_text(f"text {number}", to=f"S:{number}") for number in range(450)]
        assert (await recovered(world, dry_run=True)).doubted[MessageStatus.QUEUED] == 450
        assert set(await statuses(world, ids)) == {MessageStatus.QUEUED}
        assert (await recovered(world)).doubted[MessageStatus.QUEUED] == 450
        assert set(await statuses(world, ids)) == {MessageStatus.UNKNOWN}


async def test_who_asked_for_a_resend_gets_one_marked_as_possible_duplicate() -> None:
    async with World() as world:
        message_id = await world.accept_text(on_unknown=OnUnknown.RESEND, duplicate_safe=True)
        await recovered(world)
        await world.pass_time(2 * HORIZON_MS)
        message = await world.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.SENT, True)


async def test_a_person_may_send_it_all_the_same() -> None:
    async with World() as world:
        message_id = await world.accept_text()
        await recovered(world)
        message = await world.message(message_id)
        with pytest.raises(IllegalTransitionError):
            message.replay(force=False, by="api", now=world.clock.now())
        message.replay(force=True, by="api", now=world.clock.now())
        assert message.possible_duplicate


async def test_an_instant_to_come_is_refused() -> None:
    async with World() as world:
        with pytest.raises(InvalidValueError, match="past"):
            await recovered(world, ago_ms=-1)
