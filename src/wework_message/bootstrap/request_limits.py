"""The limits of requests as the settings have them."""

import time
from collections.abc import Callable, Sequence

from wework_message.bootstrap.settings.http import RequestLimitSettings
from wework_message.domain.access.log_ins import FailedLogIns
from wework_message.domain.access.rates import Limited, RequestRate
from wework_message.domain.load.gate import LoadGate
from wework_message.domain.load.priorities import Priority
from wework_message.domain.networks import Network
from wework_message.domain.ports.request_limiter import RequestLimiter
from wework_message.entrypoints.rest.http.request_limits import RequestLimits, RequestRates


def request_limits_of(
    settings: RequestLimitSettings,
    limiter: RequestLimiter,
    refused: Callable[[Priority | Limited], None],
    *,
    gate: LoadGate | None,
    proxies: Sequence[Network] = (),
    keyed: bool = False,
) -> RequestLimits:
    """`keyed`: callers show keys or tokens, which may be wrong. `proxies` are ours; `gate` is that of `gate_of`."""
    rates = RequestRates(
        key=_rate(settings.key_requests_per_second, settings.key_burst),
        tenant=_rate(settings.tenant_requests_per_second, settings.tenant_burst),
    )
    failures = settings.failed_log_ins_per_minute
    log_ins = FailedLogIns(RequestRate(failures / 60, failures)) if keyed else None
    return RequestLimits(limiter, rates, gate=gate, log_ins=log_ins, proxies=proxies, refused=refused)


def gate_of(settings: RequestLimitSettings) -> LoadGate | None:
    """None where nothing is refused for load."""
    return LoadGate(settings.max_in_flight, time.perf_counter() * 1_000) if settings.shedding else None


def _rate(per_s: float | None, burst: int) -> RequestRate | None:
    return None if per_s is None else RequestRate(per_s, burst)
