"""Two containers: what is opened and closed, and the use cases on it (ADR 0006). Only this package uses them."""

import time
from collections.abc import Mapping

from wework_message.adapters.system import SystemClock, SystemRandom, UuidGenerator
from wework_message.application.accept.accept import (
    AcceptBatchHandler,
    AcceptMessageHandler,
    Drafting,
    StoreBatches,
    StoreMessages,
)
from wework_message.application.accept.explain import ExplainRoute
from wework_message.application.accept.quoting import Quoting
from wework_message.application.accept.senders import Senders
from wework_message.application.accounts.directory import AccountDirectory
from wework_message.application.accounts.registry import AccountRegistry
from wework_message.application.actions.change import (
    CancelMessageHandler,
    ChangeMessages,
    RecallMessageHandler,
    RetryMessageHandler,
)
from wework_message.application.actions.dead_letters import (
    KeepDeadLetterHandler,
    MarkReplayedHandler,
    StoreDeadLetters,
    StoreReplays,
)
from wework_message.application.api import Application
from wework_message.application.callbacks.at_once import ApplyAtOnce
from wework_message.application.callbacks.ingest import IngestCallbackHandler, StoreCallbacks
from wework_message.application.callbacks.kept import DeleteQuarantined, PurgeQuarantineHandler
from wework_message.application.callbacks.notices import InstanceNotices
from wework_message.application.callbacks.project import ProjectCallbacks
from wework_message.application.callbacks.projector import LocalInboxNotifier, Projector
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.post_commit import CallReports, PostCommit
from wework_message.application.dispatch.at_once import BeginAtOnce, SlotGate
from wework_message.application.dispatch.begin_call import BeginCall
from wework_message.application.dispatch.claim import ClaimDue
from wework_message.application.dispatch.dispatcher import Dispatcher
from wework_message.application.dispatch.in_flight import InFlight
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.application.dispatch.routing import Router
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.application.maintenance.probe import ProbeProviders, Prober
from wework_message.application.maintenance.probe_writes import ProbeWrites
from wework_message.application.maintenance.prune import GiveUpUnmatched, Prune
from wework_message.application.maintenance.store_metrics import (
    LEASE_MS,
    LEASE_NAME,
    ShowSnapshot,
    StoreMetricsReporter,
)
from wework_message.application.maintenance.tasks import ClusterLease, Maintenance
from wework_message.application.maintenance.waits import ShortenWaits
from wework_message.application.policy import Policy
from wework_message.application.queries.providers import Providers
from wework_message.application.queries.service import Backend, Service
from wework_message.application.queries.status_feed import StatusFeed, WaitForMessage
from wework_message.application.queries.statuses import ReadStatuses
from wework_message.application.replays.runner import LEASE_MS as REPLAYS_LEASE_MS
from wework_message.application.replays.runner import LEASE_NAME as REPLAYS_LEASE
from wework_message.application.replays.runner import ReplayRunner
from wework_message.application.replays.start import CancelReplayHandler, StartReplayHandler, StoreReplayJobs
from wework_message.application.replays.steps import ReplaySteps
from wework_message.application.role import Role
from wework_message.application.writes import Writes
from wework_message.bootstrap.databases import open_store
from wework_message.bootstrap.frameworks import containers, providers
from wework_message.bootstrap.gateways import Gateways, open_gateways
from wework_message.bootstrap.made_of_parts import committer_beside, intake_of, probing_lease, statuses_of, units_of
from wework_message.bootstrap.settings import ProviderSettings
from wework_message.bootstrap.settings.model import DatasourceSettings, RedisSettings
from wework_message.bootstrap.shared_state import open_shared
from wework_message.bootstrap.shared_state.local import Shared, WatchRedis
from wework_message.bootstrap.storage import Storage
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.notifier import InboxNotifier, Notifier
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.system import Clock, IdGenerator, RandomSource
from wework_message.domain.routing.selector import ProviderSelector


class Infrastructure(containers.DeclarativeContainer):
    """What has to be opened, in the order of `running`, and is closed in the reverse order."""

    datasource: providers.Dependency[DatasourceSettings] = providers.Dependency()
    provider_settings: providers.Dependency[Mapping[str, ProviderSettings]] = providers.Dependency()
    provider_urls: providers.Dependency[Mapping[str, str]] = providers.Dependency()
    calls: providers.Dependency[int] = providers.Dependency()
    redis: providers.Dependency[RedisSettings] = providers.Dependency()
    watch_redis: providers.Dependency[WatchRedis | None] = providers.Dependency()
    workers: providers.Dependency[int] = providers.Dependency()

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(UuidGenerator)
    random_source = providers.Singleton(SystemRandom)
    store = providers.Resource(open_store, datasource)
    shared = providers.Resource(open_shared, redis, clock, random_source, watch_redis, workers)
    gateways = providers.Resource(open_gateways, provider_settings, provider_urls, calls)


class UseCases(containers.DeclarativeContainer):
    """The use cases; every dependency is a plain value here. Tests set other values and run the same graph."""

    clock: providers.Dependency[Clock] = providers.Dependency()
    ids: providers.Dependency[IdGenerator] = providers.Dependency()
    random_source: providers.Dependency[RandomSource] = providers.Dependency()
    storage: providers.Dependency[Storage] = providers.Dependency()
    shared: providers.Dependency[Shared] = providers.Dependency()
    gateways: providers.Dependency[Gateways] = providers.Dependency()
    policy: providers.Dependency[Policy] = providers.Dependency()
    observer: providers.Dependency[Observer] = providers.Dependency()
    api_urls: providers.Dependency[Mapping[ProviderCode, str]] = providers.Dependency()
    parts: providers.Dependency[Mapping[str, Backend]] = providers.Dependency()
    role: providers.Dependency[Role] = providers.Dependency()
    holder: providers.Dependency[str] = providers.Dependency()
    """The name of this process in the leases of the database."""
    show: providers.Dependency[ShowSnapshot] = providers.Dependency()
    notifier: providers.Dependency[Notifier] = providers.Dependency()
    projector_notifier: providers.Dependency[LocalInboxNotifier] = providers.Dependency()
    inbox_notifier: providers.Dependency[InboxNotifier] = providers.Dependency()

    board, limiter = shared.provided.board, shared.provided.limiter
    reader = storage.provided.reader
    units = providers.Singleton(units_of, shared, storage.provided.units)
    feed = providers.Singleton(StatusFeed)
    router = providers.Singleton(
        Router, policy, providers.Singleton(ProviderSelector), board, limiter, random_source, shared.provided.remember_s
    )

    post_commit = providers.Singleton(
        PostCommit, feed, notifier, observer, inbox_notifier.provided.notify, shared.provided.committed
    )
    writes = providers.Singleton(Writes, providers.Object(time.monotonic))
    commits = providers.Singleton(GroupCommit, units, post_commit, random_source, writes)
    """Claims, and what operators change."""
    intake = providers.Singleton(intake_of, commits, storage)
    """What clients wait for."""
    callback_commits = providers.Singleton(committer_beside, commits, storage)
    """Callbacks, for which providers wait."""
    projector_commits = providers.Singleton(committer_beside, commits, storage)
    settlements = providers.Singleton(committer_beside, commits, storage)
    """Answers of providers."""
    in_flight = providers.Singleton(InFlight, policy, clock)
    gate = providers.Singleton(SlotGate)
    begin_call = providers.Singleton(BeginCall, policy, router, limiter, clock)
    claim = providers.Singleton(ClaimDue, policy, router, begin_call, in_flight, clock)
    settle = providers.Singleton(SettleCalls, policy, router, clock, random_source)
    probes = providers.Singleton(probing_lease, shared, holder, units)
    prober = providers.Singleton(
        Prober, providers.Singleton(ProbeProviders, gateways.provided.send, board, clock, commits), lease=probes
    )
    inbox_limits, max_foreign_ids = policy.provided.inbox, policy.provided.max_foreign_ids
    notices = providers.Singleton(InstanceNotices, board, clock, prober.provided.ask_now)
    projecting = providers.Singleton(ProjectCallbacks, gateways.provided.readers, notices, policy, clock)
    projector = providers.Singleton(
        Projector, projector_commits, projecting, projector_notifier, policy.provided.poll_inbox_ms
    )
    report = providers.Singleton(CallReports, board, observer, prober.provided.ask_now)
    dispatcher = providers.Singleton(
        Dispatcher,
        commits,
        claim,
        providers.Singleton(RecordAnswers, settlements, settle),
        gateways.provided.send,
        report,
        notifier,
        in_flight,
        gate,
        clock,
        policy,
    )
    begin_at_once = providers.Singleton(BeginAtOnce, gate, begin_call, in_flight, dispatcher)

    store_metrics_reporter = providers.Singleton(
        StoreMetricsReporter,
        storage.provided.metrics,
        providers.Singleton(ClusterLease, LEASE_NAME, holder, LEASE_MS, units),
        show,
    )
    tasks = providers.List(
        providers.Singleton(GiveUpUnmatched, clock),
        providers.Singleton(Prune, policy),
        providers.Singleton(ShortenWaits, clock),
    )
    maintenance = providers.Singleton(Maintenance, units, tasks, holder)
    replay_steps = providers.Singleton(ReplaySteps, clock)
    replay_runner = providers.Singleton(
        ReplayRunner,
        storage.provided.replays,
        storage.provided.failed,
        commits,
        replay_steps,
        providers.Singleton(ClusterLease, REPLAYS_LEASE, holder, REPLAYS_LEASE_MS, units),
        clock,
    )
    probe_writes = providers.Singleton(ProbeWrites, units, writes, holder)

    change = providers.Singleton(ChangeMessages)
    account_reader = storage.provided.accounts
    directory = providers.Singleton(AccountDirectory, account_reader, clock)
    senders = providers.Singleton(Senders, policy, directory, account_reader, providers.Singleton(Quoting, reader))
    drafting = providers.Singleton(Drafting, ids, clock, senders)
    accounts = providers.Singleton(AccountRegistry, units, directory, router, policy, ids, clock)
    keep_dead_letter = providers.Singleton(KeepDeadLetterHandler, commits, providers.Singleton(StoreDeadLetters))
    service = providers.Singleton(Service, reader, storage.provided.metrics, role, writes, parts=parts)
    application = providers.Singleton(
        Application,
        accept=providers.Singleton(
            AcceptMessageHandler, intake, providers.Singleton(StoreMessages, clock, begin_at_once), drafting
        ),
        accept_batch=providers.Singleton(
            AcceptBatchHandler, intake, providers.Singleton(StoreBatches, clock), drafting
        ),
        cancel=providers.Singleton(CancelMessageHandler, commits, change, clock),
        retry=providers.Singleton(RetryMessageHandler, commits, change, clock),
        recall=providers.Singleton(RecallMessageHandler, commits, change, reader, clock),
        ingest_callback=providers.Singleton(
            IngestCallbackHandler,
            callback_commits,
            providers.Singleton(
                StoreCallbacks, clock, inbox_limits, max_foreign_ids, providers.Singleton(ApplyAtOnce, policy)
            ),
            providers.Singleton(StoreCallbacks, clock, inbox_limits, max_foreign_ids),
            gateways.provided.readers,
            policy.provided.default_code,
            policy.provided.max_callback_records,
        ),
        purge_quarantine=providers.Singleton(PurgeQuarantineHandler, commits, providers.Singleton(DeleteQuarantined)),
        wait=providers.Singleton(
            WaitForMessage, feed, reader, policy.provided.poll_status_ms, policy.provided.max_waiters
        ),
        read=reader,
        accounts=accounts,
        read_accounts=account_reader,
        explain=providers.Singleton(ExplainRoute, drafting, account_reader, router, policy, clock),
        dead_letters=storage.provided.dead_letters,
        mark_replayed=providers.Singleton(MarkReplayedHandler, commits, providers.Singleton(StoreReplays, clock)),
        failed=storage.provided.failed,
        replays=storage.provided.replays,
        start_replay=providers.Singleton(
            StartReplayHandler,
            commits,
            providers.Singleton(StoreReplayJobs),
            storage.provided.failed,
            reader,
            ids,
            clock,
        ),
        cancel_replay=providers.Singleton(CancelReplayHandler, commits, replay_steps),
        poll=providers.Singleton(statuses_of, shared, providers.Singleton(ReadStatuses, reader)),
        providers=providers.Singleton(Providers, policy, board, reader, api_urls),
        service=service,
        policy=policy,
    )
