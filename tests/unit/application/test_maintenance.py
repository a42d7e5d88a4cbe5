"""Tasks that run once per cluster: of two processes on one database one runs them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import NOW, PROVIDER, a_message, an_outcome
from tests.support.polling import until
from tests.support.virtual_time import in_virtual_time, let_time_pass

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.maintenance import MemoryDueTimes
from wework_message.adapters.memory.store_metrics import MemoryStoreMetrics
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.maintenance import store_metrics as store_metrics_module
from wework_message.application.maintenance import tasks as tasks_module
from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.probe import ProbeProviders, Prober
from wework_message.application.maintenance.prune import KEY_RETENTION_MS, Prune
from wework_message.application.maintenance.store_metrics import LEASE_MS, StoreMetricsReporter, StoreSnapshot
from wework_message.application.maintenance.tasks import LEASE_INTERVALS, RETRY_DELAY_S, Maintenance
from wework_message.application.maintenance.waits import ROUNDS, ShortenWaits
from wework_message.application.policy import DAY_MS, Policy
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.repositories import IdempotencyKey, UnitOfWork
from wework_message.domain.retry import RetryPolicy

INTERVAL_S: Final = 100.0


class Counting:
    """A task of several steps that counts them."""

    name = "counting"
    interval_s = INTERVAL_S

    def __init__(self, steps: int = 1) -> None:
        self.rounds = 0
        self.steps = 0
        self._per_round = steps
        self.after_step: Callable[[], Awaitable[None]] | None = None

    def begin(self) -> None:
        self.rounds += 1

    async def step(self, unit: UnitOfWork) -> bool:
        self.steps += 1
        if self.after_step is not None:
            await self.after_step()
        return self.steps < self._per_round


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def units(database: MemoryDatabase, clock: SettableClock) -> MemoryUnitOfWorkFactory:
    return MemoryUnitOfWorkFactory(database, clock)


def _lease(units: MemoryUnitOfWorkFactory, holder: str, name: str = "counting") -> ClusterLease:
    return ClusterLease(name, holder, 1_000, units)


async def test_of_two_processes_one_does_it(units: MemoryUnitOfWorkFactory) -> None:
    tasks = [Counting(), Counting()]
    for holder, task in zip("ab", tasks, strict=True):
        await Maintenance(units, [task], holder).round(task, _lease(units, holder))
    assert [task.steps for task in tasks] == [1, 0]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_retry_is_not_put_off_by_a_clock_that_was_set_back(*, restarted: bool) -> None:
    async with InMemoryApp() as app:
        app.gateway.script(an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        message_id = await app.accept_text()
        task = ShortenWaits(app.clock)
        maintenance = Maintenance(app.units, [task], "a")
        ((_, lease),) = maintenance._leases
        for _ in range(ROUNDS + 1):  # those after a start look at the rows anyway
            await maintenance.round(task, lease)
            app.clock.advance(int(INTERVAL_S * 1000))
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.RETRY_WAIT
        app.clock.jump(-3 * 3_600_000)
        if restarted:
            task = ShortenWaits(app.clock)
        await maintenance.round(task, lease)
        await app.pass_time(60_000)
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_while_no_clock_is_set_back_the_rows_are_left_alone(
    units: MemoryUnitOfWorkFactory, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    async def shorten(self: MemoryDueTimes, limit: int) -> int:
        nonlocal looked
        looked += 1
        return 0

    monkeypatch.setattr(MemoryDueTimes, "shorten", shorten)
    task = ShortenWaits(clock)
    maintenance = Maintenance(units, [task], "a")
    for _ in range(10):
        await maintenance.round(task, _lease(units, "a", task.name))
        clock.advance(5_000)
    clock.jump(3_600_000)
    await maintenance.round(task, _lease(units, "a", task.name))
    assert looked == ROUNDS


async def test_a_round_ends_where_its_lease_is_lost(units: MemoryUnitOfWorkFactory, clock: SettableClock) -> None:
    task = Counting(steps=10)
    maintenance, lease = Maintenance(units, [task], "a"), _lease(units, "a")
    stalls = iter([False, True])

    async def stall() -> None:
        if next(stalls, False):  # stopped beyond its lease in the second step
            clock.advance(1_000)

    task.after_step = stall
    other = _lease(units, "b")

    class Stolen(ClusterLease):
        async def acquire_in(self, unit: UnitOfWork) -> bool:
            if task.steps == 2:
                assert await unit.leases.take(other.name, "b", 1_000) is not None
            return await super().acquire_in(unit)

    await maintenance.round(task, Stolen(lease.name, lease.holder, lease.lease_ms, units))
    assert task.steps == 2


async def test_stopping_gives_the_leases_back(units: MemoryUnitOfWorkFactory) -> None:
    first, second = Counting(), Counting()
    maintenance = Maintenance(units, [first], "a")
    running = asyncio.create_task(maintenance.run())

    async def done() -> bool:
        return first.steps == 1

    await until(done)
    await Maintenance(units, [second], "b").round(second, _lease(units, "b"))
    assert second.steps == 0
    await maintenance.stop()
    await running
    await Maintenance(units, [second], "b").round(second, _lease(units, "b"))
    assert second.steps == 1


async def test_another_process_takes_over_once_the_lease_has_run_out(
    units: MemoryUnitOfWorkFactory, clock: SettableClock
) -> None:
    task = Counting()
    maintenance = Maintenance(units, [task], "a")
    ((_, lease),) = maintenance._leases
    await maintenance.round(task, lease)
    other = Counting()
    maintenance = Maintenance(units, [other], "b")
    ((_, lease),) = maintenance._leases
    clock.advance(int(INTERVAL_S * LEASE_INTERVALS * 1000) - 1)
    await maintenance.round(other, lease)
    assert other.steps == 0
    clock.advance(1)
    await maintenance.round(other, lease)
    assert other.steps == 1


async def test_a_task_that_raises_does_not_stop_the_others(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Counting):
        name = "broken"

        async def step(self, unit: UnitOfWork) -> bool:
            raise LookupError(unit)

    good = Counting()
    maintenance = Maintenance(units, [Broken(), good], "a")
    running = asyncio.create_task(maintenance.run())

    async def done() -> bool:
        return good.steps == 1 and "broken failed" in caplog.text

    await until(done)
    await maintenance.stop()
    await running


def _policy(**changes: int) -> Policy:
    return Policy(providers={}, retry=RetryPolicy(), **changes)  # type: ignore[arg-type]  # ages only


async def _prune(units: MemoryUnitOfWorkFactory, policy: Policy) -> int:
    """How many transactions it took."""
    task, steps = Prune(policy, step=2), 0
    task.begin()
    more = True
    while more:
        async with units() as unit:
            more = await task.step(unit)
            await unit.commit()
        steps += 1
    return steps


async def test_pruning_keeps_messages_unless_the_policy_limits_their_age(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase, clock: SettableClock
) -> None:
    messages = [a_message(status=MessageStatus.SENT) for _ in range(5)]
    async with units() as unit:
        await unit.messages.claim_keys(
            [IdempotencyKey(DEFAULT_TENANT, message.id, b"f" * 32, message.id) for message in messages]
        )
        await unit.messages.add(messages)
        await unit.commit()
    clock.advance(KEY_RETENTION_MS)
    await _prune(units, _policy())
    assert len(database.keys.committed_items()) == 5
    clock.advance(30 * DAY_MS)
    assert await _prune(units, _policy()) > 3  # never more than its step at once
    assert (len(database.keys.committed_items()), len(database.messages.committed_items())) == (0, 5)
    await _prune(units, _policy(keep_messages_ms=DAY_MS))
    assert len(database.messages.committed_items()) == 0


async def test_what_pools_have_chosen_goes_with_the_messages(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase, clock: SettableClock
) -> None:
    message = a_message(status=MessageStatus.SENT)
    choice = PoolChoice(DEFAULT_TENANT, "sales", message.conversation_id, message.account_id)
    async with units() as unit:
        await unit.messages.add([message])
        await unit.accounts.choose([choice], now=clock.now())
        await unit.commit()
    clock.advance(2 * DAY_MS)
    await _prune(units, _policy())
    assert len(database.pool_choices.committed_items()) == 1
    await _prune(units, _policy(keep_messages_ms=3 * DAY_MS))
    assert len(database.pool_choices.committed_items()) == 1
    await _prune(units, _policy(keep_messages_ms=DAY_MS))
    assert len(database.messages.committed_items()) == len(database.pool_choices.committed_items()) == 0


async def test_store_metrics_are_shown_by_one_process_and_by_the_next_when_that_one_stops(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase, clock: SettableClock
) -> None:
    shown: dict[str, list[StoreSnapshot | None]] = {"a": [], "b": []}
    store_metrics = MemoryStoreMetrics(database, clock)
    a, b = (
        StoreMetricsReporter(store_metrics, ClusterLease("census", holder, LEASE_MS, units), shown[holder].append) for holder in ("a", "b")
    )  # fmt: skip

    def showing() -> list[str]:
        return [holder for holder, numbers in shown.items() if numbers and numbers[-1] is not None]

    await a.round()
    await b.round()
    assert showing() == ["a"]
    await a.stop()
    await a.run()  # only the end of it
    assert showing() == []
    await b.round()
    assert showing() == ["b"]


async def test_without_the_database_no_process_shows_anything(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase, clock: SettableClock
) -> None:
    shown: list[StoreSnapshot | None] = []
    store_metrics_reporter = StoreMetricsReporter(
        MemoryStoreMetrics(database, clock), ClusterLease("census", "a", LEASE_MS, units), shown.append
    )
    await store_metrics_reporter.round()
    database.away = True
    await store_metrics_reporter.round()
    assert (shown[0] is None, shown[1]) == (False, None)


async def test_store_metrics_survive_an_outage_and_a_defect_and_show_nothing_meanwhile(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_metrics_module, "INTERVAL_S", 0.001)
    errors: list[Exception] = [UnavailableError("database", "away"), LookupError("a defect")]
    shown: list[StoreSnapshot | None] = []

    class Troubled(MemoryStoreMetrics):
        async def oldest_due_ms(self) -> int:
            if errors:
                raise errors.pop(0)
            return await super().oldest_due_ms()

    store_metrics_reporter = StoreMetricsReporter(
        Troubled(database, clock), ClusterLease("census", "a", LEASE_MS, units), shown.append
    )
    running = asyncio.create_task(store_metrics_reporter.run())

    async def showing() -> bool:
        return bool(shown) and shown[-1] is not None

    await until(showing)
    assert shown[:2] == [None, None]
    await store_metrics_reporter.stop()
    await running
    assert shown[-1] is None


async def test_where_the_board_is_shared_one_process_probes_and_the_others_only_on_request() -> None:
    async with InMemoryApp() as app:
        attempts: list[int] = []

        class Elsewhere(ClusterLease):
            async def acquire(self) -> bool:
                attempts.append(1)
                return await super().acquire()

        others, own = ClusterLease("probes", "a", 1_000, app.units), Elsewhere("probes", "b", 1_000, app.units)
        assert await others.acquire()
        probe = ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))
        prober = Prober(probe, interval_ms=3_600_000, min_interval_ms=0, lease=own)
        running = asyncio.create_task(prober.run())

        async def looked() -> bool:
            return bool(attempts)

        await until(looked)
        assert app.board.provider(PROVIDER).checked_at is None
        prober.ask_now()

        async def probed() -> bool:
            return app.board.provider(PROVIDER).checked_at is not None

        await until(probed)
        await prober.stop()
        await running


async def test_a_lease_that_raises_does_not_end_the_probing() -> None:
    async with InMemoryApp() as app:
        raised = asyncio.Event()

        class Broken(ClusterLease):
            async def acquire(self) -> bool:
                if not raised.is_set():
                    raised.set()
                    raise LookupError("a defect")
                return await super().acquire()

        probe = ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))
        prober = Prober(probe, interval_ms=1, min_interval_ms=0, lease=Broken("probes", "a", 1_000, app.units))
        running = asyncio.create_task(prober.run())

        async def probed() -> bool:
            return app.board.provider(PROVIDER).checked_at is not None

        await until(probed)
        await prober.stop()
        await running


async def test_a_task_that_the_store_kept_from_its_round_is_done_soon_after(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_module, "RETRY_DELAY_S", 0.001)
    database.away = True
    task = Counting()
    maintenance = Maintenance(units, [task], "a")
    running = asyncio.create_task(maintenance.run())

    async def tried() -> bool:
        return task.rounds > 1

    await until(tried)
    database.away = False

    async def done() -> bool:
        return task.steps == 1

    await until(done)
    await maintenance.stop()
    await running


def test_after_an_outage_a_task_begins_again_at_its_next_round_or_after_a_minute(
    units: MemoryUnitOfWorkFactory, database: MemoryDatabase
) -> None:
    class At(Counting):
        def __init__(self, name: str, interval_s: float) -> None:
            super().__init__()
            self.name, self.interval_s = name, interval_s
            self.done_at: list[float] = []

        async def step(self, unit: UnitOfWork) -> bool:
            self.done_at.append(asyncio.get_running_loop().time())
            return False

    short, long = At("short", 5), At("long", 86_400)

    async def run() -> None:
        maintenance = Maintenance(units, [short, long], "a")
        database.away = True
        running = asyncio.create_task(maintenance.run())
        await let_time_pass(1)
        database.away = False
        await let_time_pass(RETRY_DELAY_S)
        await maintenance.stop()
        await running

    in_virtual_time(run())
    assert (short.done_at[0], long.done_at) == (5, [RETRY_DELAY_S])
