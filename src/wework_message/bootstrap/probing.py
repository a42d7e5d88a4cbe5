"""What one process asks of providers in the background."""

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.dispatch.candidates import Candidates
from wework_message.application.instances.configure import RETRY_S, ConfigureInstance, ConfigureKnown
from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.probe import ProbeProviders, Prober
from wework_message.application.maintenance.tasks import LEASE_INTERVALS
from wework_message.application.maintenance.traffic import CheckTraffic
from wework_message.application.policy import PROBE_INTERVAL_MS, Policy
from wework_message.application.streams.choosing import StreamTurns
from wework_message.application.streams.pull import LEASE_MS, PullStreams, StreamLoops, StreamWrites
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import Storage
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock


def probing_lease(shared: Shared, holder: str, units: UnitOfWorkFactory) -> ClusterLease | None:
    """The lease of the one process that probes for all, where every process sees the same health."""
    lease_ms = int(PROBE_INTERVAL_MS * LEASE_INTERVALS)
    return ClusterLease("probes", holder, lease_ms, units) if shared.shares_health else None


def prober_of(
    gateways: Gateways,
    shared: Shared,
    clock: Clock,
    commits: GroupCommit,
    check_traffic: CheckTraffic,
    lease: ClusterLease | None,
    **intervals: int,
) -> Prober:
    """The prober, with the checks that belong to its rounds; `intervals` are those of `Prober`."""
    probe = ProbeProviders(gateways.send, shared.board, clock, BindingStates(commits, clock))
    return Prober(probe, lease=lease, check_traffic=check_traffic, **intervals)


def pulling(
    policy: Policy,
    gateways: Gateways,
    storage: Storage,
    candidates: Candidates,
    writes: StreamWrites,
    holder: str,
    units: UnitOfWorkFactory,
    observer: Observer,
    clock: Clock,
) -> StreamLoops:
    """Pulls the streams of the providers whose settings say so, each in one process of the cluster."""
    return StreamLoops(
        [
            PullStreams(
                provider,
                gateways.pullers[code],
                StreamTurns(code, storage.streams, storage.bindings, policy.sync_interval_ms),
                storage.streams,
                writes,
                candidates,
                ClusterLease(f"stream:{code}", holder, LEASE_MS, units),
                observer,
                clock,
            )
            for code, provider in policy.providers.items()
            if provider.sync.is_pulled and code in gateways.pullers
        ]
    )


def configuring(
    configure: ConfigureInstance, bindings: BindingReader, holder: str, units: UnitOfWorkFactory
) -> ConfigureKnown:
    """Sets the known instances up, in one process of the cluster."""
    lease = ClusterLease("instances", holder, int(RETRY_S * 1000 * LEASE_INTERVALS), units)
    return ConfigureKnown(configure, bindings, lease)
