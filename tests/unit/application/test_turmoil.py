"""A provider that loses answers, a store that fails, processes that die, echoes in any order: the two promises hold."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, a_stream_record

from wework_message.application.maintenance.probe import ProbeProviders
from wework_message.domain.content import TextContent
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId, ProviderMessageId
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, Dispatch

_NOT_SENT = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.POOL)
_LIES = {
    "refused": AttemptOutcome(OutcomeClass.REFUSED_PERMANENT),
    "unknown code": AttemptOutcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False),
    "lost": AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE),
}
STEPS = 120
ROUNDS = 400


class Turmoil:
    """One run: what the provider executed, and which echoes are still to come."""

    def __init__(self, app: InMemoryApp, seed: int) -> None:
        self.app = app
        self.chance = random.Random(seed)
        self.accepted: list[MessageId] = []
        self.executed: list[MessageId] = []
        self.echoes: list[tuple[MessageId, StreamRecord]] = []
        self.echoed: set[MessageId] = set()
        self.hanging: list[asyncio.Future[None]] = []
        self.answers_to_lose = 0
        app.gateway.script(*[self.answer] * 10_000)
        app.gateway.states[GUID] = ClientState.ONLINE

    async def answer(self, call: Dispatch) -> AttemptOutcome:
        """Not executed, or executed; and then the truth, a lie, nothing, or the truth much later."""
        kinds = ("unsent", "refused", "unknown code", "lost", "done", "done, unknown code", "done, lost", "done, late")
        lot = self.chance.choices(kinds, (15, 5, 5, 10, 30, 10, 10, 15))[0]
        outcome = self.execute(call) if lot.startswith("done") else _NOT_SENT
        if lot == "done, late":
            late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.hanging.append(late)
            await late
        return _LIES.get(lot.removeprefix("done, "), outcome)

    def execute(self, call: Dispatch) -> AttemptOutcome:
        self.executed.append(call.message_id)
        provider_message_id, now = ProviderMessageId(str(len(self.executed))), self.app.clock.now()
        assert isinstance(call.content, TextContent)
        if self.chance.random() < 0.8:
            echo = a_stream_record(
                provider_message_id=provider_message_id,
                sent_at=now,
                text=call.content.content,
                conversations=(call.conversation_id,),
            )
            self.echoes += [(call.message_id, echo)] * self.chance.randint(1, 2)
        return AttemptOutcome(OutcomeClass.ACCEPTED, receipt=Receipt(provider_message_id))

    # -- what may happen at any time

    async def settled(self) -> None:
        """Until every call either hangs or is recorded."""
        while self.app.dispatcher.in_flight > len(self.hanging):  # noqa: ASYNC110 -- nothing reports a call that hangs
            await asyncio.sleep(0)

    async def accept(self) -> None:
        text = f"text {len(self.accepted)}"
        self.accepted.append(await self.app.accept_text(text, to=f"R:{self.chance.randint(1, 4)}"))

    async def dispatch(self) -> None:
        await self.app.dispatcher.dispatch_due()
        await self.settled()

    async def pass_time(self) -> None:
        self.app.clock.advance(self.chance.choice((10, 1_000, 30_000)))

    async def echo(self) -> None:
        if self.echoes:
            message_id, stream_record = self.echoes.pop(self.chance.randrange(len(self.echoes)))
            try:
                await self.app.ingesting(self.app.callbacks.body(stream_record=stream_record))
            except UnavailableError:  # it may be stored all the same; the provider repeats it
                self.echoes.append((message_id, stream_record))
                raise
            self.echoed.add(message_id)
            await self.app.projector.project_pending()

    async def answer_late(self) -> None:
        if self.hanging:
            self.hanging.pop(self.chance.randrange(len(self.hanging))).set_result(None)
            await self.settled()

    async def fail_commits(self) -> None:
        self.app.database.failing_commits = self.chance.randint(1, 3)

    async def lose_answers(self) -> None:
        """The next commits happen, and nobody hears of it."""
        self.answers_to_lose = self.chance.randint(1, 3)
        commit = type(self.app.database).commit

        def lose() -> None:
            commit(self.app.database)
            if self.answers_to_lose > 0:
                self.answers_to_lose -= 1
                raise UnavailableError("database", "the answer to COMMIT was lost")

        self.app.database.commit = lose  # type: ignore[method-assign]  # until the next time

    async def step(self) -> None:
        deeds: tuple[tuple[int, Callable[[], Awaitable[None]]], ...] = (
            (20, self.accept), (40, self.dispatch), (20, self.pass_time), (20, self.echo), (6, self.answer_late),
            (3, self.fail_commits), (3, self.kill), (3, self.lose_answers),
        )  # fmt: skip
        weights, choices = zip(*deeds, strict=True)
        try:
            await self.chance.choices(choices, weights)[0]()
        except UnavailableError:
            return

    async def kill(self) -> None:
        self.hanging.clear()
        await self.app.restart()

    async def end(self) -> None:
        """Everything that is still to come comes, and time passes until nothing moves by itself."""
        self.app.database.failing_commits = self.answers_to_lose = 0
        await self.kill()
        while self.echoes:
            await self.echo()
        probing = ProbeProviders(self.app.gateways, self.app.board, self.app.clock, self.app.commits)
        for _ in range(ROUNDS):
            self.hanging_end()
            self.app.clock.advance(60_000)
            await probing()
            await self.app.dispatcher.dispatch_due()
            await self.settled()
            self.hanging_end()
            await self.app.quiet()
            while self.echoes:
                await self.echo()
            await self.app.projector.project_pending()
            if all([await self.rests(message_id) for message_id in self.accepted]):
                return

    def hanging_end(self) -> None:
        while self.hanging:
            self.hanging.pop().set_result(None)

    async def rests(self, message_id: MessageId) -> bool:
        return (await self.app.message(message_id)).status in RESTING | {MessageStatus.UNKNOWN}


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_nothing_is_lost_and_nothing_is_sent_twice(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wework_message.application.dispatch.record_answers.RECORD_RETRY_S", 0)
    async with InMemoryApp() as app:
        run = Turmoil(app, seed)
        for _ in range(STEPS):
            await run.step()
        await run.end()
        assert len(run.executed) == len(set(run.executed))
        for message_id in run.accepted:
            message = await app.message(message_id)
            executed, echoed = message_id in run.executed, message_id in run.echoed
            facts = (message_id, message.status, message.reason, executed, echoed)
            assert message.status in RESTING | {MessageStatus.UNKNOWN}, facts
            if echoed:
                assert message.status is MessageStatus.DELIVERED, facts
            elif message.status is MessageStatus.SENT:
                assert executed, facts
            elif message.status is MessageStatus.FAILED:
                assert not executed or message.confirmed is False, facts
            else:
                assert message.status is MessageStatus.UNKNOWN or not executed, facts
            if message.status in RESTING:
                assert not any(attempt.lane_open for attempt in message.attempts), facts
