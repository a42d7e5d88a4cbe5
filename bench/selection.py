"""What it costs to decide which binding sends a message: 10 providers, 1,000 accounts, 3,000 bindings, beside accounts with one binding.

A decision is what a claim does for one message: its account is known, the health of each binding is asked, one is chosen, and the choice explains itself.
Beside it the sender of the request is looked up, as accepting does. Neither may wait for anything: a coroutine that suspends, or a
question to a repository, ends the run.
"""

import itertools
import operator
import random
import statistics
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

import uvloop
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import a_draft, a_message

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.application.accept.senders import Senders
from wework_message.application.dispatch.routing import Router
from wework_message.application.policy import Policy
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.domain.account import Account, Binding, binding_id_of
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, ProviderCode
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.health import CallReport, ReplicatedHealthBoard
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.routing.selector import Choice

Result = TypeVar("Result")

PROVIDERS: Final = 10
ACCOUNTS: Final = 1_000
BINDINGS: Final = {"several": 3, "one": 1}
"""Bindings of each account, by contestant; all HOT and equal, each at a provider of its own."""
DECISIONS: Final = 20_000
"""Of one round; the accounts take turns in an order by chance."""
CALLS: Final = 8
"""Calls that each binding has made before: its health has a history."""
SEED: Final = 11


@dataclass(frozen=True, slots=True)
class Fleet:
    """One contestant: what a process knows once it has sent through every account."""

    router: Router
    senders: Senders
    requests: Sequence[tuple[Draft, Message]]

    def round(self) -> dict[str, float]:
        """Time of a decision and of a look-up, us."""
        looked_up, decided = [], []
        for draft, message in itertools.islice(itertools.cycle(self.requests), DECISIONS):
            began = time.perf_counter_ns()
            account, _ = _at_once(self.senders.resolve(DEFAULT_TENANT, draft))
            known = time.perf_counter_ns()
            _at_once(self.router.prepare(_NoStore(), [message]))
            choice = self.router.route(message, now=message.accepted_at)
            decided.append(time.perf_counter_ns() - known)
            looked_up.append(known - began)
            if not isinstance(choice, Choice) or choice.binding.account_id != account.account_id:
                raise RuntimeError("an account of the fleet was not found, or has no binding that sends")
        return {
            "decision_us": statistics.mean(decided) / 1_000,
            "decision_p50_us": _percentile(decided, 0.50),
            "decision_p99_us": _percentile(decided, 0.99),
            "sender_p50_us": _percentile(looked_up, 0.50),
            "sender_p99_us": _percentile(looked_up, 0.99),
        }


class _Remembering(Shared):
    """No account is read again within a run."""

    def __init__(self, board: ReplicatedHealthBoard, limiter: RateLimiter) -> None:
        super().__init__(board, limiter)
        self.remember_s = 3_600.0


class _NoStore:
    """A unit of work of which nothing may be asked."""

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(f"a decision has asked the store for {name}")


def run(rounds: int) -> dict[str, Any]:
    """By number of bindings the medians of the rounds, and the median of their ratios, several by one."""
    return uvloop.run(_run(rounds))


async def _run(rounds: int) -> dict[str, Any]:
    fleets = {name: await _fleet(bindings) for name, bindings in BINDINGS.items()}
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in fleets}
    for turn in range(-1, rounds):
        for name in sorted(fleets, reverse=bool(turn % 2)):
            sample = fleets[name].round()
            if turn >= 0:  # the first round warms up
                samples[name].append(sample)
    medians = {
        name: {key: statistics.median(sample[key] for sample in taken) for key in taken[0]}
        for name, taken in samples.items()
    }
    times = {name: [sample["decision_p50_us"] for sample in taken] for name, taken in samples.items()}
    ratio = statistics.median(map(operator.truediv, times["several"], times["one"]))
    return {"contestants": medians, "ratio": ratio, "rounds": samples}


async def _fleet(bindings: int) -> Fleet:
    chances = random.Random(SEED)
    app = InMemoryApp(policy=_policy(), shared=_Remembering)
    accounts = [_account(number, bindings, list(app.policy.providers)) for number in range(ACCOUNTS)]
    async with app.units() as unit:
        for account, bound in accounts:
            await unit.accounts.save(account, bound)
            for binding in bound:
                _call_through(app.board, binding, app.clock.now(), chances)
        await unit.commit()
    chances.shuffle(accounts)
    requests = [
        (
            a_draft(guid=None, account_id=account.account_id),
            a_message(guid=None, account_id=account.account_id, accepted_at=app.clock.now()),
        )
        for account, _ in accounts
    ]
    async with app.units() as unit:
        await app.router.prepare(unit, [message for _, message in requests])
    await app.pauses.read()
    await app.use_cases.directory().read()
    return Fleet(app.router, app.use_cases.senders(), requests)


def _policy() -> Policy:
    codes = [ProviderCode(f"PROVIDER_{number}") for number in range(PROVIDERS)]
    capabilities = Capabilities(frozenset({"TEXT"}))
    return Policy({code: Provider(code, code, capabilities) for code in codes}, RetryPolicy())


def _account(number: int, bindings: int, codes: Sequence[ProviderCode]) -> tuple[Account, list[Binding]]:
    account_id, guid = AccountId(f"account-{number}"), Guid(f"guid-{number}")
    chosen = [codes[(number + place) % len(codes)] for place in range(bindings)]
    return Account(account_id, version=1), [
        Binding(binding_id_of(guid, code), account_id, code, guid) for code in chosen
    ]


def _call_through(board: MemoryHealthBoard, binding: Binding, now: int, chances: random.Random) -> None:
    """A history of good calls, each as long as chance has it."""
    for _ in range(CALLS):
        board.report(
            CallReport(
                binding.provider_code,
                binding.binding_id,
                binding.guid,
                "TEXT",
                OutcomeClass.ACCEPTED,
                None,
                confirmed=True,
                elapsed_ms=chances.uniform(20, 200),
                at=now,
            )
        )


def _at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that waits for nothing; raises `RuntimeError` for one that suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    coroutine.close()
    raise RuntimeError("a decision has waited for something")


def _percentile(times_ns: Sequence[int], part: float) -> float:
    return sorted(times_ns)[int(len(times_ns) * part)] / 1_000
