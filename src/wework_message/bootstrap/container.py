"""The container of the use cases, on what `infrastructure` opens (ADR 0006). Only this package uses it."""

import time
from collections.abc import Mapping

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
from wework_message.application.accounts.activate import ActivateBinding
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
from wework_message.application.control.cancel_batch import CancelBatchHandler, CancelWaiting
from wework_message.application.control.change_pauses import DeletePauses, PauseHandler, ResumeHandler, StorePauses
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.control.release import PausesChanged, ResumeMessages
from wework_message.application.dispatch.at_once import BeginAtOnce, SlotGate
from wework_message.application.dispatch.begin_call import BeginCall
from wework_message.application.dispatch.claim import ClaimDue
from wework_message.application.dispatch.dispatcher import Dispatcher
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.dispatch.in_flight import InFlight
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.application.dispatch.routing import Router
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.application.dispatch.stranded import Stranded
from wework_message.application.instances.clients import Clients, MarkReadHandler
from wework_message.application.instances.configure import ConfigureInstance
from wework_message.application.maintenance.probe_writes import ProbeWrites
from wework_message.application.maintenance.prune import GiveUpUnmatched, Prune
from wework_message.application.maintenance.standbys import LEASE_MS as STANDBYS_LEASE_MS
from wework_message.application.maintenance.standbys import LEASE_NAME as STANDBYS_LEASE
from wework_message.application.maintenance.standbys import ActivateStandbys
from wework_message.application.maintenance.store_metrics import (
    LEASE_MS,
    LEASE_NAME,
    ShowSnapshot,
    StoreMetricsReporter,
)
from wework_message.application.maintenance.tasks import ClusterLease, Maintenance
from wework_message.application.maintenance.traffic import CheckTraffic
from wework_message.application.maintenance.waits import ShortenWaits
from wework_message.application.policy import Policy
from wework_message.application.queries.binding_counts import CountBindings
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
from wework_message.bootstrap.frameworks import containers, providers
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.made_of_parts import committer_beside, intake_of, statuses_of, units_of
from wework_message.bootstrap.probing import configuring, prober_of, probing_lease
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import Storage
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.notifier import InboxNotifier, Notifier
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.system import Clock, IdGenerator, RandomSource
from wework_message.domain.routing.selector import ProviderSelector


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
    fence = providers.Singleton(EpochFence)
    stranded = providers.Singleton(Stranded)
    post_commit = providers.Singleton(
        PostCommit, feed, board, notifier, observer, inbox_notifier.provided.notify, shared.provided.committed
    )
    writes = providers.Singleton(Writes, providers.Object(time.monotonic))
    commits = providers.Singleton(GroupCommit, units, post_commit, random_source, writes)
    """Claims, and what operators change."""
    pauses = providers.Singleton(
        PauseBoard,
        storage.provided.pauses,
        clock,
        providers.Singleton(PausesChanged, commits, providers.Singleton(ResumeMessages, clock), reader, notifier),
        policy.provided.enabled,
    )
    router = providers.Singleton(
        Router,
        policy,
        providers.Singleton(ProviderSelector),
        board,
        limiter,
        random_source,
        pauses,
        fence,
        stranded,
        shared.provided.remember_s,
    )
    intake = providers.Singleton(intake_of, commits, storage)
    """What clients wait for."""
    callback_commits = providers.Singleton(committer_beside, commits, storage)
    """Callbacks, for which providers wait."""
    projector_commits = providers.Singleton(committer_beside, commits, storage)
    settlements = providers.Singleton(committer_beside, commits, storage)
    """Answers of providers."""
    in_flight = providers.Singleton(InFlight, policy, clock, pauses)
    gate = providers.Singleton(SlotGate)
    begin_call = providers.Singleton(BeginCall, policy, router, limiter, clock, pauses)
    claim = providers.Singleton(ClaimDue, policy, router, begin_call, in_flight, clock)
    settle = providers.Singleton(SettleCalls, policy, router, clock, random_source)
    check_traffic = providers.Singleton(CheckTraffic, board, reader, policy, clock, observer)
    prober = providers.Singleton(
        prober_of, gateways, shared, clock, commits, check_traffic,
        providers.Singleton(probing_lease, shared, holder, units),
    )  # fmt: skip
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
        pauses,
        gate,
        fence,
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

    bindings = storage.provided.bindings
    count_bindings = providers.Singleton(CountBindings, policy, bindings, clock)
    configure_instance = providers.Singleton(ConfigureInstance, policy, gateways.provided.admins)
    configure_known = providers.Singleton(configuring, configure_instance, bindings, holder, units)

    change = providers.Singleton(ChangeMessages)
    account_reader = storage.provided.accounts
    directory = providers.Singleton(AccountDirectory, account_reader, clock)
    senders = providers.Singleton(Senders, policy, directory, account_reader, providers.Singleton(Quoting, reader))
    drafting = providers.Singleton(Drafting, ids, clock, senders)
    accounts = providers.Singleton(AccountRegistry, units, directory, router, policy, ids, clock)
    activate = providers.Singleton(
        ActivateBinding, accounts, router, gateways.provided.send, gateways.provided.restorers, board, clock
    )
    standbys = providers.Singleton(
        ActivateStandbys,
        stranded,
        activate,
        account_reader,
        router,
        observer,
        providers.Singleton(ClusterLease, STANDBYS_LEASE, holder, STANDBYS_LEASE_MS, units),
        clock,
    )
    keep_dead_letter = providers.Singleton(KeepDeadLetterHandler, commits, providers.Singleton(StoreDeadLetters))
    service = providers.Singleton(Service, reader, storage.provided.metrics, role, writes, parts=parts)
    store_replay_jobs = providers.Singleton(StoreReplayJobs)
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
        cancel_batch=providers.Singleton(
            CancelBatchHandler, commits, providers.Singleton(CancelWaiting, clock), reader
        ),
        pause=providers.Singleton(
            PauseHandler, commits, providers.Singleton(StorePauses, clock), pauses, reader, policy
        ),
        resume=providers.Singleton(ResumeHandler, commits, providers.Singleton(DeletePauses), pauses),
        pauses=pauses,
        purge_quarantine=providers.Singleton(PurgeQuarantineHandler, commits, providers.Singleton(DeleteQuarantined)),
        wait=providers.Singleton(
            WaitForMessage, feed, reader, policy.provided.poll_status_ms, policy.provided.max_waiters
        ),
        read=reader,
        accounts=accounts,
        activate=activate,
        read_accounts=account_reader,
        explain=providers.Singleton(ExplainRoute, drafting, account_reader, router, policy, clock),
        dead_letters=storage.provided.dead_letters,
        mark_replayed=providers.Singleton(MarkReplayedHandler, commits, providers.Singleton(StoreReplays, clock)),
        failed=storage.provided.failed,
        replays=storage.provided.replays,
        start_replay=providers.Singleton(
            StartReplayHandler, commits, store_replay_jobs, storage.provided.failed, reader, ids, clock
        ),
        cancel_replay=providers.Singleton(CancelReplayHandler, commits, replay_steps),
        poll=providers.Singleton(statuses_of, shared, providers.Singleton(ReadStatuses, reader, pauses.provided.shows)),
        providers=providers.Singleton(
            Providers, policy, board, reader, count_bindings, bindings, pauses.provided.shows_provider, api_urls
        ),
        clients=providers.Singleton(Clients, policy, gateways.provided.send, gateways.provided.admins),
        mark_read=providers.Singleton(MarkReadHandler, policy, units, gateways.provided.admins),
        configure_instance=configure_instance,
        service=service,
        policy=policy,
    )
