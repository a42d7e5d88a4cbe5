"""The container of the use cases, on what `infrastructure` opens (ADR 0006). Only this package uses it."""

from wework_message.application.accept.accept import AcceptMessageHandler, Drafting, StoreMessages
from wework_message.application.accept.accept_batch import AcceptBatchHandler, StoreBatches
from wework_message.application.accept.explain import ExplainRoute
from wework_message.application.accept.quoting import Quoting
from wework_message.application.accept.senders import Senders
from wework_message.application.accounts.activate import ActivateBinding
from wework_message.application.accounts.activation_leases import ActivationLeases
from wework_message.application.accounts.directory import AccountDirectory
from wework_message.application.accounts.place import PlaceAccount
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
from wework_message.application.actions.resolve import ResolveMessages
from wework_message.application.api import Application
from wework_message.application.callbacks.at_once import ApplyAtOnce
from wework_message.application.callbacks.ingest import IngestCallbackHandler, StoreCallbacks
from wework_message.application.callbacks.kept import DeleteQuarantined, PurgeQuarantineHandler
from wework_message.application.callbacks.replay import ReopenCallbacks, ReplayCallbacksHandler
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.control.cancel_batch import CancelBatchHandler, CancelWaiting
from wework_message.application.control.change_pauses import DeletePauses, PauseHandler, ResumeHandler, StorePauses
from wework_message.application.instances.clients import Clients, MarkReadHandler
from wework_message.application.instances.configure import ConfigureInstance, ConfigureSoon
from wework_message.application.instances.login import ShowLoginCode
from wework_message.application.maintenance import expire
from wework_message.application.maintenance.probe_writes import ProbeWrites
from wework_message.application.maintenance.prune import GiveUpUnmatched, Prune
from wework_message.application.maintenance.standbys import LEASE_MS as STANDBYS_LEASE_MS
from wework_message.application.maintenance.standbys import LEASE_NAME as STANDBYS_LEASE
from wework_message.application.maintenance.standbys import ActivateStandbys
from wework_message.application.maintenance.store_metrics import (
    LEASE_MS,
    LEASE_NAME,
    StoreMetricsReporter,
)
from wework_message.application.maintenance.tasks import Maintenance
from wework_message.application.maintenance.waits import ShortenWaits
from wework_message.application.queries.binding_counts import CountBindings
from wework_message.application.queries.providers import Providers
from wework_message.application.queries.service import Service
from wework_message.application.queries.status_feed import WaitForMessage
from wework_message.application.queries.statuses import ReadStatuses
from wework_message.application.replays.runner import LEASE_MS as REPLAYS_LEASE_MS
from wework_message.application.replays.runner import LEASE_NAME as REPLAYS_LEASE
from wework_message.application.replays.runner import ReplayRunner
from wework_message.application.replays.start import CancelReplayHandler, StartReplayHandler, StoreReplayJobs
from wework_message.application.replays.steps import ReplaySteps
from wework_message.bootstrap.dispatching import Dispatching
from wework_message.bootstrap.frameworks import providers
from wework_message.bootstrap.made_of_parts import statuses_of
from wework_message.bootstrap.probing import configuring


class UseCases(Dispatching):
    """The use cases. Tests set other values and run the same graph."""

    store_metrics_reporter = providers.Singleton(
        StoreMetricsReporter,
        Dispatching.storage.provided.metrics,
        providers.Singleton(ClusterLease, LEASE_NAME, Dispatching.holder, LEASE_MS, Dispatching.units),
        Dispatching.show,
    )
    tasks = providers.List(
        providers.Singleton(GiveUpUnmatched, Dispatching.clock, Dispatching.inbox_limits.provided.max_parked),
        providers.Singleton(Prune, Dispatching.policy),
        providers.Singleton(ShortenWaits, Dispatching.clock),
    )
    maintenance = providers.Singleton(Maintenance, Dispatching.units, tasks, Dispatching.holder)
    expire_waiting = providers.Singleton(
        expire.ExpireWaiting,
        Dispatching.units,
        Dispatching.commits,
        providers.Singleton(expire.ExpireMessages, Dispatching.clock),
        providers.Singleton(ClusterLease, expire.LEASE_NAME, Dispatching.holder, expire.LEASE_MS, Dispatching.units),
    )
    replay_steps = providers.Singleton(ReplaySteps, Dispatching.clock)
    replay_runner = providers.Singleton(
        ReplayRunner,
        Dispatching.storage.provided.replays,
        Dispatching.storage.provided.failed,
        Dispatching.commits,
        replay_steps,
        providers.Singleton(ClusterLease, REPLAYS_LEASE, Dispatching.holder, REPLAYS_LEASE_MS, Dispatching.units),
        Dispatching.clock,
    )
    probe_writes = providers.Singleton(ProbeWrites, Dispatching.units, Dispatching.writes, Dispatching.holder)

    bindings = Dispatching.storage.provided.bindings
    count_bindings = providers.Singleton(CountBindings, Dispatching.policy, bindings, Dispatching.clock)
    configure_instance = providers.Singleton(
        ConfigureInstance, Dispatching.policy, Dispatching.gateways.provided.admins
    )
    configure_known = providers.Singleton(
        configuring, configure_instance, bindings, Dispatching.holder, Dispatching.units
    )

    change = providers.Singleton(ChangeMessages)
    account_reader = Dispatching.storage.provided.accounts
    directory = providers.Singleton(AccountDirectory, account_reader, Dispatching.clock)
    senders = providers.Singleton(
        Senders,
        Dispatching.policy,
        directory,
        account_reader,
        providers.Singleton(Quoting, Dispatching.reader),
        Dispatching.pools,
    )
    drafting = providers.Singleton(Drafting, Dispatching.ids, Dispatching.clock, senders)
    accounts = providers.Singleton(
        AccountRegistry, Dispatching.units, directory, Dispatching.router, Dispatching.policy, Dispatching.ids,
        Dispatching.clock, providers.Singleton(ConfigureSoon, configure_instance), Dispatching.notifier,
    )  # fmt: skip
    activation_leases = providers.Singleton(ActivationLeases, Dispatching.units, Dispatching.holder)
    activate = providers.Singleton(
        ActivateBinding, accounts, account_reader, activation_leases, Dispatching.candidates,
        Dispatching.gateways.provided.send, Dispatching.gateways.provided.restorers, Dispatching.board, Dispatching.clock,
    )  # fmt: skip
    place = providers.Singleton(
        PlaceAccount, accounts, Dispatching.units, account_reader, bindings, Dispatching.gateways.provided.makers,
        Dispatching.board, Dispatching.pauses, Dispatching.policy, Dispatching.ids, Dispatching.clock,
    )  # fmt: skip
    show_login_code = providers.Singleton(
        ShowLoginCode, account_reader, Dispatching.candidates, Dispatching.gateways.provided.send,
        Dispatching.gateways.provided.makers, Dispatching.clock,
    )  # fmt: skip
    standbys = providers.Singleton(
        ActivateStandbys, Dispatching.stranded, activate, activation_leases, account_reader, Dispatching.candidates,
        Dispatching.observer,
        providers.Singleton(ClusterLease, STANDBYS_LEASE, Dispatching.holder, STANDBYS_LEASE_MS, Dispatching.units),
        Dispatching.clock,
    )  # fmt: skip
    keep_dead_letter = providers.Singleton(
        KeepDeadLetterHandler, Dispatching.commits, providers.Singleton(StoreDeadLetters)
    )
    service = providers.Singleton(
        Service,
        Dispatching.reader,
        Dispatching.storage.provided.metrics,
        Dispatching.role,
        Dispatching.writes,
        parts=Dispatching.parts,
    )
    store_replay_jobs = providers.Singleton(StoreReplayJobs)
    application = providers.Singleton(
        Application,
        accept=providers.Singleton(
            AcceptMessageHandler,
            Dispatching.intake,
            providers.Singleton(StoreMessages, Dispatching.clock, Dispatching.begin_at_once),
            drafting,
        ),
        accept_batch=providers.Singleton(
            AcceptBatchHandler, Dispatching.intake, providers.Singleton(StoreBatches, Dispatching.clock), drafting
        ),
        cancel=providers.Singleton(CancelMessageHandler, Dispatching.commits, change, Dispatching.clock),
        retry=providers.Singleton(RetryMessageHandler, Dispatching.commits, change, Dispatching.clock),
        recall=providers.Singleton(
            RecallMessageHandler, Dispatching.commits, change, Dispatching.reader, Dispatching.clock
        ),
        resolve=providers.Singleton(
            ResolveMessages, Dispatching.commits, Dispatching.reader, Dispatching.policy, Dispatching.clock
        ),
        callback_gate=Dispatching.callback_gate,
        issue_token=Dispatching.issue_token,
        revoke_token=Dispatching.revoke_token,
        read_tokens=Dispatching.storage.provided.callback_tokens,
        ingest_callback=providers.Singleton(
            IngestCallbackHandler,
            Dispatching.callback_commits,
            providers.Singleton(
                StoreCallbacks,
                Dispatching.clock,
                Dispatching.inbox_limits,
                Dispatching.max_foreign_ids,
                providers.Singleton(ApplyAtOnce, Dispatching.policy),
            ),
            providers.Singleton(
                StoreCallbacks, Dispatching.clock, Dispatching.inbox_limits, Dispatching.max_foreign_ids
            ),
            Dispatching.gateways.provided.readers,
            Dispatching.policy.provided.default_code,
            Dispatching.policy.provided.max_callback_records,
        ),
        cancel_batch=providers.Singleton(
            CancelBatchHandler,
            Dispatching.commits,
            providers.Singleton(CancelWaiting, Dispatching.clock),
            Dispatching.reader,
        ),
        pause=providers.Singleton(
            PauseHandler,
            Dispatching.commits,
            providers.Singleton(StorePauses, Dispatching.clock),
            Dispatching.pauses,
            Dispatching.reader,
            Dispatching.policy,
            Dispatching.dispatcher.provided.decided,
        ),
        resume=providers.Singleton(
            ResumeHandler, Dispatching.commits, providers.Singleton(DeletePauses), Dispatching.pauses
        ),
        pauses=Dispatching.pauses,
        purge_quarantine=providers.Singleton(
            PurgeQuarantineHandler, Dispatching.commits, providers.Singleton(DeleteQuarantined)
        ),
        replay_callbacks=providers.Singleton(
            ReplayCallbacksHandler,
            Dispatching.commits,
            providers.Singleton(ReopenCallbacks, Dispatching.inbox_limits),
        ),
        wait=providers.Singleton(
            WaitForMessage,
            Dispatching.feed,
            Dispatching.reader,
            Dispatching.policy.provided.poll_status_ms,
            Dispatching.policy.provided.max_waiters,
        ),
        read=Dispatching.reader,
        accounts=accounts,
        place=place,
        activate=activate,
        show_login_code=show_login_code,
        read_accounts=account_reader,
        explain=providers.Singleton(
            ExplainRoute, drafting, account_reader, Dispatching.router, Dispatching.policy, Dispatching.clock
        ),
        dead_letters=Dispatching.storage.provided.dead_letters,
        mark_replayed=providers.Singleton(
            MarkReplayedHandler, Dispatching.commits, providers.Singleton(StoreReplays, Dispatching.clock)
        ),
        failed=Dispatching.storage.provided.failed,
        replays=Dispatching.storage.provided.replays,
        start_replay=providers.Singleton(
            StartReplayHandler,
            Dispatching.commits,
            store_replay_jobs,
            Dispatching.storage.provided.failed,
            Dispatching.reader,
            Dispatching.ids,
            Dispatching.clock,
        ),
        cancel_replay=providers.Singleton(CancelReplayHandler, Dispatching.commits, replay_steps),
        poll=providers.Singleton(
            statuses_of,
            Dispatching.shared,
            providers.Singleton(ReadStatuses, Dispatching.reader, Dispatching.pauses.provided.shows),
        ),
        providers=providers.Singleton(
            Providers,
            Dispatching.policy,
            Dispatching.board,
            Dispatching.reader,
            count_bindings,
            bindings,
            Dispatching.pauses.provided.shows_provider,
            Dispatching.api_urls,
        ),
        clients=providers.Singleton(
            Clients,
            Dispatching.policy,
            Dispatching.gateways.provided.send,
            Dispatching.gateways.provided.admins,
            directory,
        ),
        mark_read=providers.Singleton(
            MarkReadHandler, Dispatching.policy, Dispatching.units, Dispatching.gateways.provided.admins
        ),
        service=service,
        policy=Dispatching.policy,
    )
