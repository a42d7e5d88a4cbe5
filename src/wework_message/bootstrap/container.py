"""The container of the use cases, on what `infrastructure` opens (ADR 0006). Only this package uses it."""

from wework_message.adapters.system import new_address_key, new_confirm_token
from wework_message.application.accept.accept import AcceptMessageHandler, StoreMessages
from wework_message.application.accept.accept_batch import AcceptBatchHandler, StoreBatches
from wework_message.application.accept.announce import AnnounceMassSend, StoreConfirmations
from wework_message.application.accept.explain import ExplainRoute
from wework_message.application.accept.traced import TracedAccept, TracedAcceptBatch
from wework_message.application.actions.change import (
    CancelMessageHandler,
    ChangeMessages,
    RecallMessageHandler,
    RetryMessageHandler,
)  # fmt: skip
from wework_message.application.actions.dead_letters import (
    KeepDeadLetterHandler,
    MarkReplayedHandler,
    StoreDeadLetters,
    StoreReplays,
)
from wework_message.application.actions.resolve import ResolveMessages
from wework_message.application.api import Application
from wework_message.application.callbacks.at_once import ApplyAtOnce
from wework_message.application.callbacks.foreign import ForeignAtOnce
from wework_message.application.callbacks.ingest import IngestCallbackHandler, StoreCallbacks
from wework_message.application.callbacks.kept import DeleteQuarantined, PurgeQuarantineHandler
from wework_message.application.callbacks.replay import ReopenCallbacks, ReplayCallbacksHandler
from wework_message.application.control.cancel_batch import CancelBatchHandler, CancelWaiting
from wework_message.application.control.change_pauses import DeletePauses, PauseHandler, ResumeHandler, StorePauses
from wework_message.application.erasures.start import StartErasureHandler, StoreErasures
from wework_message.application.instances.clients import Clients, MarkReadHandler
from wework_message.application.mass.tasks import MassTasks
from wework_message.application.media.content import DeleteMedia, MediaContent
from wework_message.application.media.intake import TakeIn
from wework_message.application.media.receive import NameMedia, ReceiveMedia
from wework_message.application.queries.providers import Providers
from wework_message.application.queries.status_feed import WaitForMessage
from wework_message.application.queries.statuses import ReadStatuses
from wework_message.application.replays.start import CancelReplayHandler, StartReplayHandler, StoreReplayJobs
from wework_message.bootstrap.access import Access
from wework_message.bootstrap.accounts import Accounts
from wework_message.bootstrap.auditing import Auditing
from wework_message.bootstrap.dispatching import Dispatching
from wework_message.bootstrap.frameworks import providers
from wework_message.bootstrap.made_of_parts import statuses_of
from wework_message.bootstrap.maintaining import Maintaining


class UseCases(Access, Accounts, Maintaining, Auditing):
    """The use cases. Tests set other values and run the same graph."""

    change = providers.Singleton(ChangeMessages)
    keep_dead_letter = providers.Singleton(
        KeepDeadLetterHandler, Dispatching.commits, providers.Singleton(StoreDeadLetters)
    )
    store_messages = providers.Singleton(
        StoreMessages, Dispatching.clock, Dispatching.begin_at_once, Dispatching.policy.provided.media_fresh_ms
    )
    announce = providers.Singleton(
        AnnounceMassSend, Dispatching.intake, providers.Singleton(StoreConfirmations), Dispatching.clock,
        providers.Object(new_confirm_token), Dispatching.policy.provided.confirm_above,
    )  # fmt: skip
    store_replay_jobs = providers.Singleton(StoreReplayJobs)
    application = providers.Singleton(
        Application,
        accept=providers.Singleton(
            TracedAccept,
            providers.Singleton(AcceptMessageHandler, Dispatching.intake, store_messages, Accounts.drafting),
            Dispatching.tracer,
        ),
        accept_batch=providers.Singleton(
            TracedAcceptBatch,
            providers.Singleton(
                AcceptBatchHandler,
                Dispatching.intake,
                providers.Singleton(StoreBatches, Dispatching.clock, Dispatching.policy.provided.media_fresh_ms),
                Accounts.drafting,
                announce,
            ),
            Dispatching.tracer,
        ),
        cancel=providers.Singleton(CancelMessageHandler, Dispatching.commits, change, Dispatching.clock),
        retry=providers.Singleton(RetryMessageHandler, Dispatching.commits, change, Dispatching.clock),
        recall=providers.Singleton(
            RecallMessageHandler, Dispatching.commits, change, Dispatching.reader, Dispatching.clock
        ),
        resolve=providers.Singleton(
            ResolveMessages, Dispatching.commits, Dispatching.reader, Dispatching.policy, Dispatching.clock
        ),
        key_directory=Dispatching.key_directory,
        keys=Access.keys,
        tenants=Access.tenants,
        callback_gate=Dispatching.callback_gate,
        audit=Auditing.audit,
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
                providers.Singleton(ForeignAtOnce, Dispatching.policy),
            ),
            providers.Singleton(
                StoreCallbacks, Dispatching.clock, Dispatching.inbox_limits, Dispatching.max_foreign_ids
            ),
            Dispatching.gateways.provided.readers,
            Dispatching.policy.provided.default_code,
            Dispatching.policy.provided.max_callback_records,
            Dispatching.tracer,
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
            Dispatching.storage.provided.api_keys.tenants,
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
        accounts=Accounts.accounts,
        place=Accounts.place,
        activate=Accounts.activate,
        show_login_code=Accounts.show_login_code,
        verify_login=Accounts.verify_login,
        read_accounts=Accounts.account_reader,
        webhooks=Dispatching.webhooks,
        read_webhooks=Dispatching.storage.provided.webhooks,
        explain=providers.Singleton(
            ExplainRoute,
            Accounts.drafting,
            Accounts.account_reader,
            Dispatching.router,
            Dispatching.policy,
            Dispatching.clock,
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
        cancel_replay=providers.Singleton(CancelReplayHandler, Dispatching.commits, Maintaining.replay_steps),
        erasures=Dispatching.storage.provided.erasures,
        start_erasure=providers.Singleton(
            StartErasureHandler,
            Dispatching.commits,
            providers.Singleton(StoreErasures),
            Dispatching.ids,
            Dispatching.clock,
        ),
        receive_media=providers.Singleton(
            ReceiveMedia,
            Dispatching.units,
            Dispatching.media.provided.staging,
            Dispatching.media.provided.store,
            providers.Singleton(TakeIn, Dispatching.media.provided.inspector, Dispatching.media.provided.staging),
            Dispatching.ids,
            Dispatching.clock,
            providers.Object(new_address_key),
        ),
        name_media=providers.Singleton(
            NameMedia,
            Dispatching.units,
            Dispatching.addresses,
            Dispatching.ids,
            Dispatching.clock,
            providers.Object(new_address_key),
            Dispatching.media.provided.fresh_ms,
            Dispatching.wake_media.provided.set,
        ),
        read_media=Dispatching.storage.provided.media,
        media_content=providers.Singleton(
            MediaContent, Dispatching.storage.provided.media, Dispatching.media.provided.store, Dispatching.clock
        ),
        delete_media=providers.Singleton(DeleteMedia, Dispatching.units),
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
            Accounts.count_bindings,
            Accounts.bindings,
            Dispatching.pauses.provided.shows_provider,
            Dispatching.api_urls,
        ),
        clients=providers.Singleton(
            Clients,
            Dispatching.policy,
            Dispatching.gateways.provided.send,
            Dispatching.gateways.provided.admins,
            Accounts.directory,
        ),
        mark_read=providers.Singleton(
            MarkReadHandler, Dispatching.policy, Dispatching.units, Dispatching.gateways.provided.admins
        ),
        mass_tasks=providers.Singleton(
            MassTasks, Dispatching.policy, Dispatching.gateways.provided.mass, Accounts.directory
        ),
        service=Maintaining.service,
        policy=Dispatching.policy,
    )
