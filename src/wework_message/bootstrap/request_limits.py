"""The limits of requests as the settings have them."""

import dataclasses
import time

from wework_message.adapters.local.request_limiter import MemoryRequestLimiter
from wework_message.adapters.observability.metrics import Metrics
from wework_message.adapters.system import SystemClock
from wework_message.bootstrap.settings.callbacks import networks_in
from wework_message.bootstrap.settings.http import RequestLimitSettings
from wework_message.bootstrap.settings.model import Settings
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.domain.access.log_ins import FailedLogIns
from wework_message.domain.access.rates import Limited, RequestRate
from wework_message.domain.load.gate import LoadGate
from wework_message.domain.load.priorities import Priority
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.load.request_limits import RequestLimits, RequestRates


def with_limits(config: Config, settings: Settings, shared: Shared, metrics: Metrics) -> Config:
    """The API with its limits: counted in `shared` where that shares something, refusals and load in `metrics`."""
    limits = settings.security.limits
    gate = gate_of(limits)
    if gate is not None:
        metrics.before_render(lambda: metrics.load(gate.limit, gate.in_flight))

    def refused(reason: Priority | Limited) -> None:
        (metrics.shed if isinstance(reason, Priority) else metrics.rate_limited)[reason.value,].inc()

    alone = MemoryRequestLimiter(SystemClock(), settings.server.workers)
    request_limits = RequestLimits(
        shared.requests(alone),
        rates_of(limits),
        gate=gate,
        log_ins=log_ins_of(limits) if config.credentials is not None else None,
        proxies=networks_in(settings.app.callbacks.trusted_proxies),
        refused=refused,
    )
    return dataclasses.replace(config, request_limits=request_limits)


def rates_of(settings: RequestLimitSettings) -> RequestRates:
    """Of callers that showed a key or token."""
    return RequestRates(
        key=_rate(settings.key_requests_per_second, settings.key_burst),
        tenant=_rate(settings.tenant_requests_per_second, settings.tenant_burst),
    )


def log_ins_of(settings: RequestLimitSettings) -> FailedLogIns:
    """A minute's failures may come at once."""
    failures = settings.failed_log_ins_per_minute
    return FailedLogIns(RequestRate(failures / 60, failures))


def gate_of(settings: RequestLimitSettings) -> LoadGate | None:
    """None where nothing is refused for load."""
    return LoadGate(settings.max_in_flight, time.perf_counter() * 1_000) if settings.shedding else None


def _rate(per_s: float | None, burst: int) -> RequestRate | None:
    return None if per_s is None else RequestRate(per_s, burst)
