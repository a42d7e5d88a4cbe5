"""Replays of failed messages: paced by the clock, once per message, and resumed behind the last one."""

from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, an_outcome

from wework_message.application.actions.change import RetryMessage
from wework_message.application.errors import NotFoundError
from wework_message.application.replays import runner
from wework_message.application.replays.runner import IDLE_S, LEASE_MS, ReplayRunner
from wework_message.application.replays.start import NewReplay, StartReplay
from wework_message.application.replays.steps import PartCounted, PartSelected
from wework_message.domain.account import implicit_account_id
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.failed_messages import FailureFilter
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, ReplayId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.replay import START, Counted, ItemState, Replay, ReplayItem, ReplayState, Selection

REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=True)
UNPROVEN = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False)
ALL_REFUSED = Selection(FailureFilter(cause="REFUSED_PERMANENT"))


async def failed(app: InMemoryApp, count: int) -> list[MessageId]:
    return [await app.sent(REFUSED, f"text {number}") for number in range(count)]


async def started(
    app: InMemoryApp, selection: Selection = ALL_REFUSED, rate: float = 10, *, dry_run: bool = False
) -> NewReplay:
    return await app.application.start_replay(StartReplay(DEFAULT_TENANT, selection, rate, dry_run))


async def stored(app: InMemoryApp, replay_id: ReplayId) -> Replay:
    replay = await app.application.replays.replay(DEFAULT_TENANT, replay_id)
    assert replay is not None
    return replay


async def rounds_of(app: InMemoryApp, message_ids: list[MessageId]) -> list[int]:
    return [(await app.message(message_id)).round for message_id in message_ids]


async def test_failed_messages_get_a_new_round_in_the_order_of_their_acceptance() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 3)
        new = (await started(app, rate=1000)).replay
        assert (new.state, new.total) == (ReplayState.RUNNING, 3)
        app.clock.advance(10)
        await app.replay_runner.round()
        await app.dispatch()
        assert [(await app.message(message_id)).status for message_id in message_ids] == [MessageStatus.SENT] * 3
        assert [call.message_id for call in app.gateway.calls[-3:]] == message_ids
        app.clock.advance(1_000)
        assert await app.replay_runner.round() == IDLE_S
        replay = await stored(app, new.id)
        assert (replay.state, replay.replayed, replay.open, replay.failed) == (ReplayState.DONE, 3, 0, 0)


async def test_the_rate_paces_it_and_what_stood_still_does_not_catch_up() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 30)
        await started(app, rate=2)
        seen = []
        for wait_ms in (0, 100, 400, 500, 60_000, 100):
            app.clock.advance(wait_ms)
            await app.replay_runner.round()
            seen.append(sum(number > 1 for number in await rounds_of(app, message_ids)))
        assert seen == [1, 1, 2, 3, 6, 6]  # after a minute: those of one second


async def test_after_a_kill_it_goes_on_behind_the_last_message() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 6)
        new = (await started(app, rate=1000)).replay
        app.clock.advance(1)
        await app.replay_runner.round()
        assert await rounds_of(app, message_ids) == [2, 2, 1, 1, 1, 1]
        await app.restart()
        app.clock.advance(LEASE_MS)
        await app.replay_runner.round()
        await app.replay_runner.round()
        assert await rounds_of(app, message_ids) == [2] * 6
        assert (await stored(app, new.id)).replayed == 6


async def test_a_part_that_another_process_has_replayed_changes_nothing() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 2)
        new = (await started(app, rate=1000)).replay
        part = PartSelected(new.id, new.position, message_ids[:1], message_ids[0])
        steps = app.use_cases.replay_steps()
        await app.commits.submit(steps, part)
        replay = await app.commits.submit(steps, part)
        assert (replay.replayed, replay.position) == (1, message_ids[0])
        assert await rounds_of(app, message_ids) == [2, 1]


async def test_a_count_that_another_process_has_made_changes_nothing() -> None:
    async with InMemoryApp() as app:
        replay = Replay(ReplayId("r"), DEFAULT_TENANT, ALL_REFUSED, 1_000, dry_run=False, created_at=app.clock.now())
        async with app.units() as unit:
            await unit.replays.add(replay, ())
            await unit.commit()
        steps, middle = app.use_cases.replay_steps(), MessageId("m")
        parts = [
            PartCounted(replay.id, START, Counted(5, 1, middle)), PartCounted(replay.id, START, Counted(5, 1, middle)),
            PartCounted(replay.id, middle, Counted(2, 1, None)), PartCounted(replay.id, START, Counted(5, 1, middle)),
        ]  # fmt: skip
        counted = [await app.commits.submit(steps, part) for part in parts]
        assert [(after.total, after.unconfirmed) for after in counted] == [(5, 1), (5, 1), (7, 2), (7, 2)]
        assert [after.state for after in counted] == [ReplayState.COUNTING] * 2 + [ReplayState.RUNNING] * 2


async def test_what_is_many_is_counted_part_by_part_before_it_is_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 5)
        monkeypatch.setattr(app.application.failed, "_max_walked", 2)
        new = (await started(app, rate=1000)).replay
        assert (new.state, new.total) == (ReplayState.COUNTING, 2)
        assert await app.replay_runner.round() == 0
        await app.replay_runner.round()
        assert (await stored(app, new.id)).total == 5
        for _ in range(4):
            app.clock.advance(1_000)
            await app.replay_runner.round()
        assert await rounds_of(app, message_ids) == [2] * 5


async def test_one_process_at_a_time_does_them() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 2)
        await started(app, rate=1)
        await app.replay_runner.round()
        lease = app.replay_runner._lease
        other = ReplayRunner(
            app.application.replays, app.application.failed, app.commits, app.use_cases.replay_steps(),
            type(lease)(lease.name, "there", lease.lease_ms, app.units), app.clock,
        )  # fmt: skip
        app.clock.advance(1_000)
        assert await other.round() == IDLE_S
        assert await rounds_of(app, message_ids) == [2, 1]
        app.clock.advance(LEASE_MS)
        await other.round()
        assert await rounds_of(app, message_ids) == [2, 2]


async def test_what_fails_once_more_counts_as_failed_and_is_not_replayed_by_the_same_replay() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 2)
        app.gateway.script(REFUSED)
        new = (await started(app, rate=1000)).replay
        for _ in range(3):
            app.clock.advance(1_000)
            await app.replay_runner.round()
            await app.dispatch()
        replay = await stored(app, new.id)
        assert (replay.replayed, replay.failed, replay.open) == (2, 1, 0)
        assert await rounds_of(app, message_ids) == [2, 2]


async def test_what_may_have_been_sent_is_left_out_unless_that_is_said() -> None:
    async with InMemoryApp() as app:
        unproven = await app.sent(UNPROVEN)
        new = (await started(app)).replay
        assert (new.state, new.total, new.unconfirmed) == (ReplayState.DONE, 0, 1)
        await started(app, Selection(FailureFilter(cause="REFUSED_PERMANENT"), unconfirmed=True))
        await app.replay_runner.round()
        message = await app.message(unproven)
        assert (message.round, message.possible_duplicate) == (2, True)


async def test_unknown_messages_are_never_replayed() -> None:
    async with InMemoryApp() as app:
        message_id = await app.sent(an_outcome(OutcomeClass.UNCERTAIN))
        new = await started(app, Selection(message_ids=(message_id,), unconfirmed=True))
        assert [(item.message_id, item.reason) for item in new.skipped] == [(message_id, "UNKNOWN")]
        by_account = Selection(FailureFilter(account_id=implicit_account_id(GUID)), unconfirmed=True)
        assert (await started(app, by_account)).replay.total == 0


async def test_named_messages_that_cannot_be_replayed_are_reported() -> None:
    async with InMemoryApp() as app:
        refused, sent = await app.sent(REFUSED), await app.sent(an_outcome(OutcomeClass.ACCEPTED))
        unproven = await app.sent(UNPROVEN)
        missing = MessageId("no-such-message")
        new = await started(app, Selection(message_ids=(missing, sent, refused, unproven)))
        assert {item.message_id: item.reason for item in new.skipped} == {
            missing: "NOT_FOUND", sent: "SENT", unproven: "UNCONFIRMED",
        }  # fmt: skip
        assert (new.replay.total, new.replay.skipped) == (1, 3)
        await app.replay_runner.round()
        replay = await stored(app, new.replay.id)
        assert (replay.state, replay.replayed, replay.skipped) == (ReplayState.DONE, 1, 3)
        skipped = await app.application.replays.skipped(DEFAULT_TENANT, replay.id, limit=10)
        assert sorted(item.message_id for item in skipped) == sorted([missing, sent, unproven])


async def test_a_replay_of_nothing_but_unknown_names_is_done() -> None:
    async with InMemoryApp() as app:
        new = await started(app, Selection(message_ids=(MessageId("a"), MessageId("b"))))
        assert (new.replay.state, new.replay.total, new.replay.skipped) == (ReplayState.DONE, 0, 2)


async def test_what_was_retried_meanwhile_is_skipped() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 2)
        new = (await started(app, Selection(message_ids=tuple(message_ids)), rate=0.1)).replay
        await app.replay_runner.round()
        await app.retrying(RetryMessage(DEFAULT_TENANT, message_ids[1]))
        app.clock.advance(10_000)
        await app.replay_runner.round()
        replay = await stored(app, new.id)
        assert (replay.replayed, replay.skipped, replay.state) == (1, 1, ReplayState.DONE)
        (item,) = await app.application.replays.skipped(DEFAULT_TENANT, new.id, limit=10)
        assert item == ReplayItem(message_ids[1], ItemState.SKIPPED, "QUEUED")


async def test_messages_whose_recall_was_requested_are_replayed_by_name_or_cause_only() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        async with app.units() as unit:
            message = (await unit.messages.get([message_id]))[message_id]
            message.fail("RECALL_ASKED", now=app.clock.now())
            await unit.messages.save([message])
            await unit.commit()
        by_account = Selection(FailureFilter(account_id=implicit_account_id(GUID)))
        assert (await started(app, by_account)).replay.total == 0
        assert (await started(app, Selection(FailureFilter(cause="RECALL_ASKED")))).replay.total == 1
        assert (await started(app, Selection(message_ids=(message_id,)))).replay.total == 1


async def test_a_dry_run_only_counts() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 2)
        new = (await started(app, dry_run=True)).replay
        assert (new.state, new.total, new.replayed) == (ReplayState.DONE, 2, 0)
        await app.replay_runner.round()
        assert await rounds_of(app, message_ids) == [1, 1]


async def test_a_cancelled_one_replays_nothing_more() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 3)
        new = (await started(app, rate=1)).replay
        await app.replay_runner.round()
        cancelled = await app.application.cancel_replay(DEFAULT_TENANT, new.id)
        assert (cancelled.state, cancelled.replayed) == (ReplayState.CANCELLED, 1)
        app.clock.advance(60_000)
        await app.replay_runner.round()
        assert await rounds_of(app, message_ids) == [2, 1, 1]
        assert (await app.application.cancel_replay(DEFAULT_TENANT, new.id)).state is ReplayState.CANCELLED
        for tenant_id, replay_id in ((DEFAULT_TENANT, ReplayId("none")), (TenantId("other"), new.id)):
            with pytest.raises(NotFoundError):
                await app.application.cancel_replay(tenant_id, replay_id)


async def test_bad_input_is_refused_and_nothing_is_stored() -> None:
    async with InMemoryApp() as app:
        for selection, rate in (
            (Selection(FailureFilter(cause="NO_SUCH_CAUSE")), 1.0),
            (ALL_REFUSED, 0.09),
            (ALL_REFUSED, 1_000.1),
            (ALL_REFUSED, float("nan")),
        ):
            with pytest.raises(InvalidValueError):
                await started(app, selection, rate)
        assert list(await app.application.replays.replays(DEFAULT_TENANT, limit=10, before=None)) == []


async def test_a_replay_that_meets_a_defect_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 1)
        broken = (await started(app)).replay
        await started(app)
        select = app.application.failed.select

        async def defective(*arguments: Any, until: ReplayId, **rest: Any) -> Any:
            if until == broken.id:
                raise RuntimeError("defect")
            return await select(*arguments, until=until, **rest)

        monkeypatch.setattr(app.application.failed, "select", defective)
        await app.replay_runner.round()
        assert await rounds_of(app, message_ids) == [2]
        assert f"replay {broken.id} failed" in caplog.text


async def test_outcomes_are_looked_at_until_a_round_must_have_ended() -> None:
    async with InMemoryApp() as app:
        message_ids = await failed(app, 1)
        new = (await started(app)).replay
        await app.replay_runner.round()
        app.gateway.script(an_outcome(OutcomeClass.UNCERTAIN))
        await app.dispatch()
        app.clock.advance(2_000)
        await app.replay_runner.round()
        assert (await stored(app, new.id)).open == 1
        assert (await app.message(message_ids[0])).status is MessageStatus.UNKNOWN
        app.clock.advance(26 * 3_600_000)
        await app.replay_runner.round()
        assert list(await app.application.replays.settling(after=ReplayId(""), limit=10)) == []


async def test_finished_replays_hold_no_others_up_and_each_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MAX_ACTIVE", 1)
    monkeypatch.setattr(runner, "MAX_SETTLING", 1)
    async with InMemoryApp() as app:
        message_ids, finished = await failed(app, 3), []
        for message_id in message_ids:
            replay_id = (await started(app, Selection(message_ids=(message_id,)))).replay.id
            await app.replay_runner.round()
            assert (await stored(app, replay_id)).open == 1
            finished.append(replay_id)
        assert await rounds_of(app, message_ids) == [2, 2, 2]
        await app.dispatch()
        for _ in range(4):
            app.clock.advance(1_000)
            await app.replay_runner.round()
        assert [(await stored(app, replay_id)).open for replay_id in finished] == [0, 0, 0]
