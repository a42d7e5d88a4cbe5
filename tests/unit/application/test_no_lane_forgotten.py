"""A message that may go never waits for the next poll: whoever makes room sees to it that the table is looked at (ADR 31, ADR 40).

Judged by what one more claim would begin once a process has come to rest; never by time.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import FAR_MS, InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, PROVIDER

from wework_message.application.commit.scope import CommitScope
from wework_message.application.dispatch.claim import ClaimDue, Claimed, ClaimRequest
from wework_message.domain.ids import Guid, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.gateway import Dispatch
from wework_message.domain.ports.notifier import Wakeup
from wework_message.domain.trace import TraceContext

ONE_PROVIDER = {PROVIDER: a_policy().providers[PROVIDER]}
TURNS = 200
"""Of the event loop, in which a process that records no answer comes to rest: nothing here waits for anything outside."""


class NamingNotifier:
    """Wake-ups name messages, as those of a broker do; those without names send to the table."""

    def __init__(self) -> None:
        self._message_ids = set[MessageId]()
        self._poll_table = False
        self._notified = asyncio.Event()

    async def notify(
        self, message_ids: Sequence[MessageId], urgency: Urgency = Urgency.NORMAL, traces: Sequence[TraceContext] = ()
    ) -> None:
        self._poll_table |= not message_ids
        self._message_ids.update(message_ids)
        self._notified.set()

    async def wait(self, timeout_ms: int) -> Wakeup:
        if timeout_ms > 0:
            await self._notified.wait()
        named = frozenset[MessageId]() if self._poll_table else frozenset(self._message_ids)
        self._poll_table, self._message_ids = False, set()
        self._notified.clear()
        return Wakeup(named)

    async def answered(self, wakeup: Wakeup) -> None:
        """Nothing comes again."""


async def rest(app: InMemoryApp) -> None:
    """Until the answers of all calls that have ended are recorded, and for some turns more."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
    while recording := app.dispatcher._calls - app.dispatcher._open:
        await asyncio.wait(recording)
        for _ in range(TURNS):
            await asyncio.sleep(0)


def hold_all(app: InMemoryApp) -> dict[MessageId, "asyncio.Future[AttemptOutcome]"]:
    """Every call stays open until its future is done; by message."""
    open_calls: dict[MessageId, asyncio.Future[AttemptOutcome]] = {}

    async def wait(dispatch: Dispatch) -> AttemptOutcome:
        open_calls[dispatch.message_id] = asyncio.get_running_loop().create_future()
        try:
            return await open_calls[dispatch.message_id]
        finally:
            del open_calls[dispatch.message_id]

    for gateway in app.gateways.values():
        gateway.script(*[wait] * 200)
    return open_calls


def end(app: InMemoryApp, open_calls: dict[MessageId, "asyncio.Future[AttemptOutcome]"], message_id: MessageId) -> None:
    answer = open_calls.get(message_id)
    if answer is not None and not answer.done():
        answer.set_result(app.gateway.accepted())


@pytest.mark.parametrize("notifier", [None, NamingNotifier], ids=["unnamed", "named"])
async def test_what_is_accepted_after_the_last_call_was_taken_with_an_acceptance_is_sent_once_one_ends(
    notifier: Callable[[], Any] | None,
) -> None:
    used = notifier() if notifier is not None else None
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=4, poll_due_ms=FAR_MS, notifier=used) as app:
        open_calls = hold_all(app)
        app.start()
        await rest(app)
        accounts = ["a", "a", "b", "c"]
        taken = [await app.accept_text(to=f"S:{n + 1}", guid=Guid(guid)) for n, guid in enumerate(accounts)]
        await rest(app)
        assert len(open_calls) == 4
        last = await app.accept_text(guid=Guid("d"))
        await rest(app)
        end(app, open_calls, taken[0])  # now a, b and c have each as many calls as are free: only d may begin one
        await rest(app)
        assert last in open_calls
        await _finish(app, open_calls)


async def test_a_call_that_ends_while_a_claim_turns_others_away_sends_to_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp(calls_in_flight=4, poll_due_ms=FAR_MS) as app:
        open_calls = hold_all(app)
        taken = [await app.accept_text(guid=Guid(guid), provider_code=PROVIDER) for guid in ("a", "b")]
        while await app.dispatcher.dispatch_due():
            await rest(app)
        assert len(open_calls) == 2  # all that one of two providers may have
        last = await app.accept_text(guid=Guid("c"), provider_code=PROVIDER)
        app.notifier.wakeups.clear()
        monkeypatch.setattr(ClaimDue, "__call__", _ending(lambda: end(app, open_calls, taken[0])))
        assert await app.dispatcher.dispatch_due(frozenset({last})) == 1
        assert last not in open_calls
        assert () in app.notifier.wakeups
        await _finish(app, open_calls)


def _ending(end_calls: Callable[[], None]) -> Callable[..., Any]:
    """A claim in which calls end after its decisions, and before its commit."""
    decide = ClaimDue.__call__

    async def claim(self: ClaimDue, scope: CommitScope, requests: Sequence[ClaimRequest], /) -> Sequence[Claimed]:
        claimed = await decide(self, scope, requests)
        end_calls()
        for _ in range(5):
            await asyncio.sleep(0)
        return claimed

    return claim


@pytest.mark.parametrize("seed", range(40))
async def test_a_process_at_rest_leaves_nothing_that_one_more_claim_would_begin(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    async with InMemoryApp(
        calls_in_flight=chance.choice([1, 2, 3, 4, 7]), poll_due_ms=FAR_MS, notifier=NamingNotifier()
    ) as app:
        open_calls = hold_all(app)

        def end_some() -> None:
            for message_id in list(open_calls):
                if chance.random() < 0.1:
                    end(app, open_calls, message_id)

        with monkeypatch.context() as patched:
            patched.setattr(ClaimDue, "__call__", _ending(end_some))
            app.start()
            for number in range(chance.randint(6, 40)):
                await _happens(app, open_calls, chance, number)
                if chance.random() < 0.3:
                    await rest(app)
            await rest(app)
        begun = set(open_calls)
        await app.dispatcher.dispatch_due()
        await rest(app)
        assert set(open_calls) <= begun
        await _finish(app, open_calls)


async def _happens(
    app: InMemoryApp,
    open_calls: dict[MessageId, "asyncio.Future[AttemptOutcome]"],
    chance: random.Random,
    number: int,
) -> None:
    if open_calls and chance.random() < 0.25:
        end(app, open_calls, chance.choice(sorted(open_calls)))
    else:
        guid, code = Guid(chance.choice("aaaabbcdef")), chance.choice([PROVIDER, PROVIDER, BACKUP])
        await app.accept_text(to=f"S:{number + 1}", guid=guid, provider_code=code)


async def _finish(app: InMemoryApp, open_calls: dict[MessageId, "asyncio.Future[AttemptOutcome]"]) -> None:
    """Every call ends, and nothing stays."""
    while True:
        await app.dispatcher.dispatch_due()
        await rest(app)
        if not open_calls:
            break
        for message_id in list(open_calls):
            end(app, open_calls, message_id)
        await rest(app)
    assert {message.status for message in app.database.messages.rows()} <= {MessageStatus.SENT}
