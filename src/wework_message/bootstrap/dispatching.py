"""The container of what dispatches and projects (ADR 0006). Only this package uses it."""

import asyncio
import secrets
import time
from collections.abc import Mapping

from wework_message.adapters.system import new_holder_token, new_secret
from wework_message.application.access.directory import KeyDirectory
from wework_message.application.accounts.pools import Pools
from wework_message.application.callbacks.at_once import ApplyAtOnce
from wework_message.application.callbacks.gate import CallbackGate, TendGate
from wework_message.application.callbacks.ingest import StoreCallbacks
from wework_message.application.callbacks.notices import InstanceNotices
from wework_message.application.callbacks.project import ProjectCallbacks
from wework_message.application.callbacks.projector import LocalInboxNotifier, Projector
from wework_message.application.callbacks.token_directory import TokenDirectory
from wework_message.application.callbacks.tokens import DeleteTokens, IssueTokenHandler, IssueTokens, RevokeTokenHandler
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.post_commit import CallReports, PostCommit
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.control.release import PausesChanged, ResumeMessages
from wework_message.application.dispatch.at_once import BeginAtOnce, SlotGate
from wework_message.application.dispatch.begin_call import BeginCall
from wework_message.application.dispatch.begin_recall import BeginRecall
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.dispatch.claim import ClaimDue
from wework_message.application.dispatch.dispatcher import Dispatcher
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.dispatch.in_flight import InFlight
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.application.dispatch.routing import Router
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.application.dispatch.spooled import RecordSpooled, SettleSpooled
from wework_message.application.dispatch.stranded import Stranded
from wework_message.application.maintenance.store_metrics import (
    ShowSnapshot,
)
from wework_message.application.maintenance.traffic import CheckTraffic
from wework_message.application.mass.begin_chunk import BeginChunk
from wework_message.application.mass.claim import ClaimChunks
from wework_message.application.mass.sender import MassSender, NameTasks
from wework_message.application.media.renderings import Renderings
from wework_message.application.policy import Policy
from wework_message.application.queries.service import Backend
from wework_message.application.queries.status_feed import StatusFeed
from wework_message.application.role import Role
from wework_message.application.streams.absent import SettleAbsent
from wework_message.application.streams.pull import StreamWrites
from wework_message.application.streams.store import ANY_FOREIGN_IDS, StorePulled
from wework_message.application.webhooks.attempts import ClaimDeliveries, EndAttempts, GiveBack
from wework_message.application.webhooks.deliver import DeliverEvents
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.application.webhooks.record import RecordEvents
from wework_message.application.webhooks.registry import WebhookRegistry
from wework_message.application.writes import Writes
from wework_message.bootstrap.frameworks import containers, providers
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.made_of_parts import behind_sends, committer_beside, intake_of, units_of
from wework_message.bootstrap.media import Media
from wework_message.bootstrap.media_work import MediaWork
from wework_message.bootstrap.probing import prober_of, probing_lease, pulling
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import Storage
from wework_message.domain.ids import ProviderCode
from wework_message.domain.inbox import CallbackSource
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.notifier import InboxNotifier, Notifier
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.outbound import OutboundHttp
from wework_message.domain.ports.spool import AnswerSpool
from wework_message.domain.ports.system import Clock, IdGenerator, RandomSource
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.routing.selector import ProviderSelector


class Dispatching(containers.DeclarativeContainer):
    """Transactions, routing, dispatching and projecting; every dependency is a plain value here."""

    clock: providers.Dependency[Clock] = providers.Dependency()
    ids: providers.Dependency[IdGenerator] = providers.Dependency()
    random_source: providers.Dependency[RandomSource] = providers.Dependency()
    storage: providers.Dependency[Storage] = providers.Dependency()
    shared: providers.Dependency[Shared] = providers.Dependency()
    gateways: providers.Dependency[Gateways] = providers.Dependency()
    policy: providers.Dependency[Policy] = providers.Dependency()
    observer: providers.Dependency[Observer] = providers.Dependency()
    spool: providers.Dependency[AnswerSpool] = providers.Dependency()
    outbound: providers.Dependency[OutboundHttp] = providers.Dependency()
    """Requests to addresses of clients."""
    addresses: providers.Dependency[AddressPolicy] = providers.Dependency()
    media: providers.Dependency[Media] = providers.Dependency()
    media_work: providers.Dependency[MediaWork] = providers.Dependency()
    api_urls: providers.Dependency[Mapping[ProviderCode, str]] = providers.Dependency()
    parts: providers.Dependency[Mapping[str, Backend]] = providers.Dependency()
    role: providers.Dependency[Role] = providers.Dependency()
    holder: providers.Dependency[str] = providers.Dependency()
    """The name of this process in the leases of the database."""
    show: providers.Dependency[ShowSnapshot] = providers.Dependency()
    notifier: providers.Dependency[Notifier] = providers.Dependency()
    projector_notifier: providers.Dependency[LocalInboxNotifier] = providers.Dependency()
    inbox_notifier: providers.Dependency[InboxNotifier] = providers.Dependency()
    tracer: providers.Dependency[Tracer] = providers.Dependency(default=NO_TRACER)

    board, limiter = shared.provided.board, shared.provided.limiter
    reader = storage.provided.reader
    units = providers.Singleton(units_of, shared, storage.provided.units)
    feed = providers.Singleton(StatusFeed)
    wake_webhooks = providers.Singleton(asyncio.Event)
    wake_mass = providers.Singleton(asyncio.Event)
    wake_media = providers.Singleton(asyncio.Event)
    """Set where a fetch may be due."""
    post_commit = providers.Singleton(
        PostCommit, feed, board, notifier, observer, inbox_notifier.provided.notify, shared.provided.committed,
        wake_webhooks.provided.set, wake_mass.provided.set, wake_media.provided.set, tracer,
    )  # fmt: skip
    writes = providers.Singleton(Writes, providers.Object(time.monotonic))
    endpoints = providers.Singleton(EndpointDirectory, storage.provided.webhooks, clock)
    record_events = providers.Singleton(RecordEvents, endpoints, ids, clock)
    commits = providers.Singleton(GroupCommit, units, post_commit, random_source, writes, record_events)
    """Claims, and what operators change."""
    pauses = providers.Singleton(
        PauseBoard,
        storage.provided.pauses,
        clock,
        providers.Singleton(PausesChanged, commits, providers.Singleton(ResumeMessages, clock), reader, notifier),
        policy.provided.enabled,
    )
    tokens = providers.Singleton(TokenDirectory, storage.provided.callback_tokens, clock)
    key_directory = providers.Singleton(
        KeyDirectory, storage.provided.api_keys, units, clock, policy.provided.key_environment
    )
    callback_gate = providers.Singleton(CallbackGate, policy.provided.callback_access, tokens, clock)
    issue_token = providers.Singleton(
        IssueTokenHandler,
        commits,
        providers.Singleton(IssueTokens, clock, providers.Object(secrets.token_bytes)),
        tokens,
        policy,
    )
    revoke_token = providers.Singleton(RevokeTokenHandler, commits, providers.Singleton(DeleteTokens), tokens)
    tend_gate = providers.Singleton(TendGate, callback_gate, tokens, observer)
    fence = providers.Singleton(EpochFence)
    candidates = providers.Singleton(Candidates, policy, board, limiter, pauses, fence)
    stranded = providers.Singleton(Stranded)
    router = providers.Singleton(
        Router,
        policy,
        providers.Singleton(ProviderSelector),
        board,
        candidates,
        random_source,
        pauses,
        fence,
        stranded,
        shared.provided.remember_s,
    )
    pools = providers.Singleton(Pools, storage.provided.accounts, candidates, limiter, policy, random_source, clock)
    intake = providers.Singleton(intake_of, commits, storage)
    """What clients wait for."""
    callback_commits = providers.Singleton(behind_sends, commits, storage)
    """Callbacks, for which providers wait."""
    webhook_commits = providers.Singleton(behind_sends, commits, storage)
    projector_commits = providers.Singleton(behind_sends, commits, storage)
    settlements = providers.Singleton(committer_beside, commits, storage)
    """Answers of providers."""
    looks = providers.Singleton(committer_beside, commits, storage)
    """Claims and answers of which it is not known what the store has."""
    in_flight = providers.Singleton(InFlight, policy, clock, pauses)
    gate = providers.Singleton(SlotGate)
    begin_call = providers.Singleton(
        BeginCall,
        policy,
        router,
        limiter,
        clock,
        pauses,
        providers.Object(new_holder_token),
        providers.Singleton(Renderings, clock),
    )
    begin_recall = providers.Singleton(BeginRecall, policy, router, fence, clock)
    claim = providers.Singleton(ClaimDue, policy, router, begin_call, begin_recall, in_flight, clock)
    settle = providers.Singleton(SettleCalls, policy, router, clock, random_source)
    settle_spooled = providers.Singleton(SettleSpooled, settle)
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
    streams = providers.Singleton(
        pulling, policy, gateways, storage, candidates,
        providers.Singleton(
            StreamWrites, callback_commits,
            providers.Singleton(
                StorePulled,
                providers.Singleton(StoreCallbacks, clock, inbox_limits, ANY_FOREIGN_IDS, source=CallbackSource.PULL),
                providers.Singleton(ApplyAtOnce, policy), policy,
            ),
            settlements,
            providers.Singleton(SettleAbsent, settle, gateways.provided.readers, policy, clock),
        ),
        holder, units, observer, clock,
    )  # fmt: skip
    report = providers.Singleton(CallReports, board, observer, prober.provided.ask_now)
    record_answers = providers.Singleton(
        RecordAnswers, settlements, settle, looks, settle_spooled, spool, observer, clock
    )
    dispatcher = providers.Singleton(
        Dispatcher,
        commits,
        claim,
        record_answers,
        gateways.provided.send,
        report,
        notifier,
        in_flight,
        pauses,
        gate,
        fence,
        clock,
        policy,
        tracer,
    )
    mass_sender = providers.Singleton(
        MassSender, commits,
        providers.Singleton(
            ClaimChunks,
            providers.Singleton(
                BeginChunk, policy, router, limiter, clock, pauses, providers.Object(new_holder_token),
                providers.Singleton(Renderings, clock),
            ),
            clock,
        ),
        record_answers, providers.Singleton(NameTasks), gateways.provided.mass, storage.provided.mass, report, pauses,
        fence, clock, wake_mass, tracer,
    )  # fmt: skip
    record_spooled = providers.Singleton(RecordSpooled, spool, looks, settle_spooled, observer)
    begin_at_once = providers.Singleton(BeginAtOnce, gate, begin_call, in_flight, dispatcher)
    webhooks = providers.Singleton(
        WebhookRegistry, units, endpoints, addresses, ids,
        clock, providers.Object(new_secret), wake_webhooks.provided.set,
    )  # fmt: skip
    deliver_events = providers.Singleton(
        DeliverEvents, endpoints, storage.provided.webhooks, webhook_commits,
        providers.Singleton(ClaimDeliveries, clock),
        providers.Singleton(EndAttempts, endpoints, clock, observer),
        providers.Singleton(GiveBack, clock),
        outbound, clock, random_source, wake_webhooks, tracer,
    )  # fmt: skip
