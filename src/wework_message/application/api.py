"""Everything an entrypoint may call, in one frozen value; tests build one of functions."""

from dataclasses import dataclass

from wework_message.application.accept.explain import ExplainRoute
from wework_message.application.accept.traced import TracedAccept, TracedAcceptBatch
from wework_message.application.access.directory import KeyDirectory
from wework_message.application.access.keys import KeyRegistry
from wework_message.application.access.tenants import TenantRegistry
from wework_message.application.accounts.activate import ActivateBinding
from wework_message.application.accounts.place import PlaceAccount
from wework_message.application.accounts.registry import AccountRegistry
from wework_message.application.actions.change import CancelMessageHandler, RecallMessageHandler, RetryMessageHandler
from wework_message.application.actions.dead_letters import MarkReplayedHandler
from wework_message.application.actions.resolve import ResolveMessages
from wework_message.application.audit.audit import Audit
from wework_message.application.callbacks.gate import CallbackGate
from wework_message.application.callbacks.ingest import IngestCallbackHandler
from wework_message.application.callbacks.kept import PurgeQuarantineHandler
from wework_message.application.callbacks.replay import ReplayCallbacksHandler
from wework_message.application.callbacks.tokens import IssueTokenHandler, RevokeTokenHandler
from wework_message.application.control.cancel_batch import CancelBatchHandler
from wework_message.application.control.change_pauses import PauseHandler, ResumeHandler
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.erasures.start import StartErasureHandler
from wework_message.application.instances.clients import Clients, MarkReadHandler
from wework_message.application.instances.login import ShowLoginCode, VerifyLogin
from wework_message.application.mass.tasks import MassTasks
from wework_message.application.media.content import DeleteMedia, MediaContent
from wework_message.application.media.receive import NameMedia, ReceiveMedia
from wework_message.application.policy import Policy
from wework_message.application.queries.providers import Providers
from wework_message.application.queries.service import Service
from wework_message.application.queries.status_feed import WaitForMessage
from wework_message.application.replays.start import CancelReplayHandler, StartReplayHandler
from wework_message.application.webhooks.registry import WebhookRegistry
from wework_message.domain.ports.accounts import AccountReader
from wework_message.domain.ports.callback_tokens import CallbackTokenReader
from wework_message.domain.ports.dead_letters import DeadLetterReader
from wework_message.domain.ports.erasures import ErasureReader
from wework_message.domain.ports.media_reader import MediaReader
from wework_message.domain.ports.queries import MessageReader, StatusReader
from wework_message.domain.ports.replays import FailedMessageReader, ReplayReader
from wework_message.domain.ports.webhooks import WebhookReader


@dataclass(frozen=True, slots=True)
class Application:
    """The use cases. Entrypoints translate and call; they decide nothing."""

    accept: TracedAccept
    accept_batch: TracedAcceptBatch
    cancel: CancelMessageHandler
    retry: RetryMessageHandler
    recall: RecallMessageHandler
    resolve: ResolveMessages
    """A person says what became of UNKNOWN messages."""
    cancel_batch: CancelBatchHandler
    pause: PauseHandler
    resume: ResumeHandler
    pauses: PauseBoard
    """What is paused, as this process knows it."""
    key_directory: KeyDirectory
    """Who calls, by API keys as this process knows them."""
    keys: KeyRegistry
    """Make, rotate and revoke API keys."""
    tenants: TenantRegistry
    callback_gate: CallbackGate
    """Who may bring callbacks."""
    ingest_callback: IngestCallbackHandler
    audit: Audit
    issue_token: IssueTokenHandler
    revoke_token: RevokeTokenHandler
    read_tokens: CallbackTokenReader
    purge_quarantine: PurgeQuarantineHandler
    replay_callbacks: ReplayCallbacksHandler
    wait: WaitForMessage
    """Read one message, and wait for it to move."""
    read: MessageReader
    """Lists, timelines, batches, callbacks: queries that need no rule go straight to the reader."""
    accounts: AccountRegistry
    """Register and change accounts and their bindings."""
    place: PlaceAccount
    """Register an account with an instance that is made for it."""
    activate: ActivateBinding
    """Make a WARM binding HOT."""
    show_login_code: ShowLoginCode
    """The QR code with which a person logs an instance in."""
    verify_login: VerifyLogin
    """The code that such a login may ask for."""
    read_accounts: AccountReader
    webhooks: WebhookRegistry
    """Create and change endpoints of clients."""
    read_webhooks: WebhookReader
    explain: ExplainRoute
    dead_letters: DeadLetterReader
    mark_replayed: MarkReplayedHandler
    failed: FailedMessageReader
    replays: ReplayReader
    start_replay: StartReplayHandler
    cancel_replay: CancelReplayHandler
    erasures: ErasureReader
    start_erasure: StartErasureHandler
    """Begin to erase what is held of a person."""
    receive_media: ReceiveMedia
    name_media: NameMedia
    read_media: MediaReader
    media_content: MediaContent
    delete_media: DeleteMedia
    poll: StatusReader
    """Statuses, perhaps some seconds old; changes and waits use `read` and `wait`."""
    providers: Providers
    clients: Clients
    mark_read: MarkReadHandler
    """For a binding that was registered: sets it up at its provider, as far as the settings ask for it."""
    mass_tasks: MassTasks
    service: Service
    policy: Policy
