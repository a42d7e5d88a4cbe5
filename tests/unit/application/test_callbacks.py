import asyncio
import dataclasses
from collections.abc import Sequence

import pytest
from tests.support.builders import (
    BACKUP,
    CONVERSATION,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_receipt,
    a_sighting,
    an_outcome,
)
from tests.support.world import World

from wework_message.adapters.memory.accounts import MemoryAccountBook
from wework_message.application.commands.change import RetryMessage
from wework_message.application.commands.claim_due import Room
from wework_message.domain.account import Binding, implicit_binding
from wework_message.domain.attempt import AttemptOutcome
from wework_message.domain.callbacks import FactKind, Sighting
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import Dispatch, NoticeKind
from wework_message.domain.ports.persistence import InboxState

TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason="DEADLINE")
NAME = ProviderMessageId("4711")
ACCEPTED = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(NAME))


def an_echo(name: str | None = NAME, **changes: object) -> Sighting:
    return a_sighting(provider_message_id=name, **changes)


async def sent(world: World, outcome: AttemptOutcome = ACCEPTED, content: str = "hello") -> MessageId:
    world.gateway.script(outcome)
    message_id = await world.accept_text(content)
    await world.dispatch()
    return message_id


async def status(world: World, message_id: MessageId) -> MessageStatus:
    return (await world.message(message_id)).status


async def inbox(world: World, guid: Guid = GUID) -> list[str]:
    views = await world.reader.callbacks(guid, notify_type=None, limit=100, before=None)
    return [view.state for view in reversed(views)]


async def test_an_echo_delivers_the_message_that_it_names() -> None:
    async with World() as world:
        message_id = await sent(world)
        assert await world.hear(sighting=an_echo()) == 1
        assert await status(world, message_id) is MessageStatus.DELIVERED
        assert await inbox(world) == [InboxState.APPLIED]
        (note,) = await world.reader.timeline(message_id)
        assert (note.kind, note.source, note.attempt) == ("ECHO", "callback", 1)


async def test_a_repeated_echo_changes_nothing() -> None:
    async with World() as world:
        message_id = await sent(world)
        echo = an_echo()
        assert [await world.hear(sighting=echo), await world.hear(sighting=echo)] == [1, 0]
        await world.hear(sighting=an_echo())
        assert len(await world.reader.timeline(message_id)) == 1
        assert [move.after for _, move in world.observer.moves].count(MessageStatus.DELIVERED) == 1


async def test_a_late_echo_of_its_text_delivers_an_unknown_message_and_frees_its_lane() -> None:
    async with World() as world:
        message_id = await sent(world, TIMED_OUT)
        behind = await world.accept_text("next")
        await world.dispatch()
        assert await status(world, behind) is MessageStatus.HELD
        await world.hear(sighting=an_echo())
        message = await world.message(message_id)
        assert message.status is MessageStatus.DELIVERED
        assert message.attempts[0].provider_message_id == NAME
        await world.dispatch()
        assert await status(world, behind) is MessageStatus.SENT
        assert [call.message_id for call in world.gateway.executed].count(message_id) == 1


async def test_another_text_proves_nothing() -> None:
    async with World() as world:
        message_id = await sent(world, TIMED_OUT)
        await world.hear(sighting=an_echo(text="something else"))
        await world.hear(sighting=an_echo(conversations=("S:9",)))
        await world.hear(sighting=an_echo(sent_at=NOW + HORIZON_MS + 1))
        assert await status(world, message_id) is MessageStatus.UNKNOWN
        assert await inbox(world) == [InboxState.PARKED] * 3


async def test_one_echo_settles_one_of_two_equal_messages() -> None:
    async with World() as world:
        first = await sent(world, TIMED_OUT)
        await world.pass_time(2 * HORIZON_MS)
        second = await sent(world, TIMED_OUT)
        await world.hear(sighting=an_echo(sent_at=NOW + 2 * HORIZON_MS))
        assert [await status(world, one) for one in (first, second)] == [MessageStatus.UNKNOWN, MessageStatus.DELIVERED]


async def test_an_echo_before_the_answer_waits_for_it() -> None:
    async with World() as world:
        answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

        async def wait(_: Dispatch) -> AttemptOutcome:
            return await answer

        world.gateway.script(wait)
        message_id = await world.accept_text()
        await world.dispatcher.dispatch_due()
        await world.hear(sighting=an_echo())
        assert await status(world, message_id) is MessageStatus.SENDING
        assert await inbox(world) == [InboxState.PARKED]
        answer.set_result(ACCEPTED)
        await world.quiet()
        await world.projector.project_pending()
        assert await status(world, message_id) is MessageStatus.DELIVERED
        assert await inbox(world) == [InboxState.APPLIED]


@pytest.mark.parametrize("parked_before", [True, False])
async def test_an_echo_before_a_lost_answer_delivers_and_frees_the_lane(*, parked_before: bool) -> None:
    async with World() as world:
        answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

        async def wait(_: Dispatch) -> AttemptOutcome:
            return await answer

        world.gateway.script(wait)
        message_id = await world.accept_text()
        await world.dispatcher.dispatch_due()
        if parked_before:
            await world.hear(sighting=an_echo())
        answer.set_result(TIMED_OUT)
        await world.quiet()
        if parked_before:
            await world.projector.project_pending()
        else:
            await world.hear(sighting=an_echo())
        message = await world.message(message_id)
        assert (message.status, message.attempts[0].unsettled) == (MessageStatus.DELIVERED, False)
        behind = await world.accept_text("next")
        await world.dispatch()
        assert await status(world, behind) is MessageStatus.SENT


async def test_an_echo_during_the_call_of_a_known_id_settles_a_lost_answer() -> None:
    """A second call is in flight while the first one, given up by a forced retry, is echoed."""
    async with World() as world:
        message_id = await sent(world, TIMED_OUT)
        await world.retrying(_retry(message_id))
        world.gateway.script(TIMED_OUT)
        await world.commits.submit(world.claiming, Room(1))
        await world.hear(sighting=an_echo())
        assert await status(world, message_id) is MessageStatus.SENDING
        await world.pass_time(world.policy.lease_ms(PROVIDER))
        message = await world.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.DELIVERED, True)


def _retry(message_id: MessageId) -> RetryMessage:
    return RetryMessage(DEFAULT_TENANT, message_id, force=True)


async def test_records_of_one_batch_find_the_id_that_another_of_them_tells() -> None:
    async with World() as world:
        message_id = await sent(world, TIMED_OUT)
        failed = an_echo(text=None, kinds=frozenset({FactKind.SEND_FAIL}))
        for sighting in (failed, an_echo(), an_echo(text=None, kinds=frozenset({FactKind.SERVER_RETRY_OK}))):
            await world.ingesting(world.callbacks.body(sighting=sighting))
        await world.projector.project_pending()
        assert await inbox(world) == [InboxState.APPLIED] * 3
        message = await world.message(message_id)
        assert message.attempts[0].facts == {FactKind.ECHO, FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK}
        assert message.status is MessageStatus.DELIVERED


async def test_two_records_of_one_message_in_a_batch_settle_one_attempt() -> None:
    async with World() as world:
        message_id = await sent(world, TIMED_OUT)
        world.gateway.script(TIMED_OUT)
        await world.retrying(_retry(message_id))
        await world.dispatch()
        for sighting in (an_echo(), an_echo()):
            await world.ingesting(world.callbacks.body(sighting=sighting))
        await world.projector.project_pending()
        message = await world.message(message_id)
        assert message.status is MessageStatus.DELIVERED
        assert [attempt.provider_message_id for attempt in message.attempts] == [NAME, None]


async def test_a_send_that_failed_later_is_failed_whatever_the_order() -> None:
    async with World() as world:
        message_id = await sent(world)
        await world.hear(sighting=an_echo(kinds=frozenset({FactKind.SEND_FAIL})))
        await world.hear(sighting=an_echo())
        message = await world.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.FAILED, "SEND_FAILED_LATER")


async def test_a_revoke_that_refers_to_a_message_recalls_it() -> None:
    async with World() as world:
        message_id = await sent(world)
        revoke = an_echo("4712", refers_to=NAME, kinds=frozenset({FactKind.REVOKED}), text=None)
        await world.hear(sighting=revoke)
        message = await world.message(message_id)
        assert (message.status, message.recall.confirmed) == (MessageStatus.RECALLED, True)
        assert message.attempts[0].provider_message_id == NAME


async def test_what_others_sent_is_not_ours() -> None:
    async with World() as world:
        message_id = await sent(world, TIMED_OUT)
        await world.hear(sighting=an_echo(send_flag=False))
        assert await inbox(world) == [InboxState.ORPHAN]
        assert await status(world, message_id) is MessageStatus.UNKNOWN


async def test_a_known_user_id_decides_who_sent_it() -> None:
    async with World(vids={GUID: "1688"}) as world:
        message_id = await sent(world, TIMED_OUT)
        await world.hear(sighting=an_echo(sender="1689"))
        assert await status(world, message_id) is MessageStatus.UNKNOWN
        await world.hear(sighting=an_echo(sender="1688", send_flag=False))
        assert await inbox(world) == [InboxState.ORPHAN, InboxState.PARKED]


async def test_a_callback_for_a_guid_that_nobody_knows_is_kept_apart() -> None:
    async with World() as world:
        await world.hear(sighting=an_echo(guid=Guid("stranger")))
        assert await inbox(world, Guid("stranger")) == [InboxState.QUARANTINED]


async def test_a_binding_that_was_read_a_moment_too_early_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    binding_of, asked = MemoryAccountBook.binding_of, 0

    async def behind(self: MemoryAccountBook, guid: Guid) -> Sequence[Binding]:
        nonlocal asked
        asked += 1
        return await binding_of(self, guid) if asked > 1 else [implicit_binding(guid, BACKUP)]

    async with World() as world:
        message_id = await sent(world)
        monkeypatch.setattr(MemoryAccountBook, "binding_of", behind)
        await world.hear(sighting=an_echo())
        assert await status(world, message_id) is MessageStatus.DELIVERED


async def test_a_notice_says_that_an_instance_is_offline_and_online_again() -> None:
    async with World() as world:
        await sent(world)
        await world.hear(guid=GUID, notify_type=11002, notice=NoticeKind.OFFLINE)
        held = await world.accept_text("next")
        await world.dispatch()
        message = await world.message(held)
        assert (message.status, message.reason) == (MessageStatus.HELD, "ALL_OFFLINE")
        await world.hear(guid=GUID, notify_type=11001, notice=NoticeKind.ONLINE)
        await world.pass_time(60_000)
        assert await status(world, held) is MessageStatus.SENT


async def test_what_cannot_be_read_ends_after_five_tries_and_stops_nobody() -> None:
    async with World() as world:
        message_id = await sent(world)
        broken = world.callbacks.body(sighting=an_echo("1"))
        world.callbacks.breaks_on.add(broken.decode())
        await world.ingesting(broken)
        await world.hear(sighting=an_echo())
        assert await inbox(world) == [InboxState.FAILED, InboxState.APPLIED]
        assert await status(world, message_id) is MessageStatus.DELIVERED


async def test_a_callback_is_answered_only_once_it_is_stored() -> None:
    async with World() as world:
        body = world.callbacks.body(sighting=an_echo())
        world.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await world.ingesting(body)
        assert await inbox(world) == []
        await world.ingesting(body)
        assert await inbox(world) == [InboxState.PENDING]
        with pytest.raises(InvalidValueError):
            await world.ingesting(b"nonsense")


async def test_the_projector_works_off_what_comes_in() -> None:
    async with World() as world:
        message_id = await sent(world)
        running = asyncio.create_task(world.projector.run())
        await world.ingesting(world.callbacks.body(sighting=an_echo(conversations=(CONVERSATION,))))
        await world.until(message_id, lambda message: message.status is MessageStatus.DELIVERED)
        await world.projector.stop()
        await running


async def test_what_becomes_of_callbacks_is_told_by_type() -> None:
    async with World() as world:
        await sent(world)
        echo = an_echo()
        await world.hear(sighting=echo)
        await world.hear(sighting=echo)
        await world.hear(sighting=an_echo("8", send_flag=False))
        told = {result: count for (_, result), count in world.observer.heard.items() if count}
        assert told == {"new": 2, "duplicate": 1, "applied": 1, "orphan": 1}


async def test_an_accepted_answer_tells_the_accounts_own_user_id() -> None:
    async with World() as world:
        receipt = dataclasses.replace(a_receipt(NAME), sender_id="1688850000000042")
        await sent(world, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        message_id = await sent(world, TIMED_OUT, "who said that?")
        await world.hear(sighting=an_echo("5", text="who said that?", sender="7881301000000001", send_flag=True))
        assert await status(world, message_id) is MessageStatus.UNKNOWN
        await world.hear(sighting=an_echo("6", text="who said that?", sender="1688850000000042", send_flag=False))
        assert await status(world, message_id) is MessageStatus.DELIVERED
