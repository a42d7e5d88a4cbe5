"""Work that goes on beside messages: pruning, expiry, replays, erasures, and what metrics are told."""

from wework_message.adapters.system import new_address_key, new_holder_token
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.erasures.runner import LEASE_MS as ERASURES_LEASE_MS
from wework_message.application.erasures.runner import LEASE_NAME as ERASURES_LEASE
from wework_message.application.erasures.runner import ErasureRunner
from wework_message.application.maintenance import expire
from wework_message.application.maintenance.ended_leases import PruneLeases
from wework_message.application.maintenance.expire_contents import ExpireContents
from wework_message.application.maintenance.probe_writes import ProbeWrites
from wework_message.application.maintenance.prune import GiveUpUnmatched, Prune
from wework_message.application.maintenance.store_metrics import LEASE_MS, LEASE_NAME, StoreMetricsReporter
from wework_message.application.maintenance.tasks import Maintenance
from wework_message.application.maintenance.waits import ShortenWaits
from wework_message.application.mass.check import ApplyResults, CheckTasks, ClaimChecks
from wework_message.application.media.addresses import SignedAddresses
from wework_message.application.media.delete_bytes import DeleteBytes
from wework_message.application.media.fetches import FetchMedia
from wework_message.application.media.instances import OtherInstances
from wework_message.application.media.intake import TakeIn
from wework_message.application.media.jobs import ClaimJobs, EndJobs
from wework_message.application.media.release import ReleaseMessages
from wework_message.application.media.uploads import UploadMedia
from wework_message.application.media.worker import MediaWorker, Slots
from wework_message.application.queries.service import Service
from wework_message.application.replays.runner import LEASE_MS as REPLAYS_LEASE_MS
from wework_message.application.replays.runner import LEASE_NAME as REPLAYS_LEASE
from wework_message.application.replays.runner import ReplayRunner
from wework_message.application.replays.steps import ReplaySteps
from wework_message.bootstrap.dispatching import Dispatching
from wework_message.bootstrap.frameworks import providers
from wework_message.bootstrap.made_of_parts import committer_beside


class Maintaining(Dispatching):
    """What the loops of maintenance do."""

    service = providers.Singleton(
        Service,
        Dispatching.reader,
        Dispatching.storage.provided.metrics,
        Dispatching.role,
        Dispatching.writes,
        parts=Dispatching.parts,
    )
    store_metrics_reporter = providers.Singleton(
        StoreMetricsReporter,
        Dispatching.storage.provided.metrics,
        providers.Singleton(ClusterLease, LEASE_NAME, Dispatching.holder, LEASE_MS, Dispatching.units),
        Dispatching.show,
    )
    tasks = providers.List(
        providers.Singleton(GiveUpUnmatched, Dispatching.clock),
        providers.Singleton(PruneLeases),
        providers.Singleton(Prune, Dispatching.policy),
        providers.Singleton(ExpireContents, Dispatching.policy),
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
    check_tasks = providers.Singleton(
        CheckTasks,
        Dispatching.commits,
        providers.Singleton(ClaimChecks),
        providers.Singleton(
            ApplyResults, Dispatching.settle, Dispatching.policy.provided.horizon_ms, Dispatching.clock
        ),
        Dispatching.gateways.provided.mass,
        Dispatching.storage.provided.mass,
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
    erasure_runner = providers.Singleton(
        ErasureRunner,
        Dispatching.storage.provided.erasures,
        Dispatching.units,
        providers.Singleton(ClusterLease, ERASURES_LEASE, Dispatching.holder, ERASURES_LEASE_MS, Dispatching.units),
        Dispatching.clock,
    )
    media_commits = providers.Singleton(committer_beside, Dispatching.commits, Dispatching.storage)
    media_worker = providers.Singleton(
        MediaWorker,
        media_commits,
        providers.Singleton(ClaimJobs, Dispatching.media_work.provided.lease_ms, Dispatching.clock),
        providers.Singleton(EndJobs, Dispatching.clock, Dispatching.random_source),
        providers.Singleton(ReleaseMessages, Dispatching.clock),
        providers.Singleton(
            FetchMedia,
            Dispatching.media_work.provided.fetcher,
            Dispatching.media.provided.staging,
            providers.Singleton(TakeIn, Dispatching.media.provided.inspector, Dispatching.media.provided.staging),
            Dispatching.media.provided.store,
            Dispatching.units,
            Dispatching.ids,
            Dispatching.clock,
            providers.Object(new_address_key),
            max_bytes=Dispatching.media_work.provided.max_bytes,
            deadline_ms=Dispatching.media_work.provided.fetch_timeout_ms,
        ),
        providers.Singleton(
            UploadMedia,
            Dispatching.media.provided.store,
            providers.Singleton(SignedAddresses, Dispatching.media.provided.public_url, Dispatching.clock),
            Dispatching.gateways.provided.uploaders,
            providers.Singleton(
                OtherInstances,
                Dispatching.storage.provided.bindings,
                Dispatching.storage.provided.accounts,
                Dispatching.candidates,
                Dispatching.clock,
            ),
        ),
        providers.Singleton(
            Slots,
            Dispatching.media_work.provided.slots,
            providers.Callable(frozenset, Dispatching.gateways.provided.uploaders),
        ),
        Dispatching.media_work.provided.limit_ms,
        providers.Object(new_holder_token),
        Dispatching.wake_media,
        Dispatching.observer,
        Dispatching.clock,
    )
    """Fetches and uploads."""
    delete_bytes = providers.Singleton(
        DeleteBytes,
        Dispatching.units,
        Dispatching.media.provided.store,
        providers.Object(new_holder_token),
        Dispatching.clock,
    )
    probe_writes = providers.Singleton(ProbeWrites, Dispatching.units, Dispatching.writes, Dispatching.holder)
