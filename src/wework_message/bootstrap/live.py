"""Settings that may change while the service runs; everything else needs a restart (ADR 78)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.observability.logs import LogHandle
from wework_message.application.role import Role
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.process import Process
from wework_message.bootstrap.request_limits import rates_of
from wework_message.bootstrap.settings import Loaded, start_problems
from wework_message.bootstrap.settings.loading import combined
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX
from wework_message.entrypoints.rest.load.request_limits import RequestLimits

LIVE: Final = frozenset(
    {
        "app.message.async.enabled",
        "app.message.limits.rate-limit-per-minute",
        "app.message.mass.zone",
        "app.message.retry.delay-ms",
        "app.message.retry.max-attempts",
        "app.message.sync.wait-ms",
        "app.message.unknown.fail-after-hours",
        "app.message.unknown.on-unknown",
        "app.wework.providers.*.outcome-codes",
        "app.wework.providers.*.rate-limit-per-day",
        "app.wework.providers.*.rate-limit-per-hour",
        "app.wework.providers.*.rate-limit-per-minute",
        "app.wework.providers.*.retry-count",
        "logging.level",
        "security.limits.key-burst",
        "security.limits.key-requests-per-second",
        "security.limits.tenant-burst",
        "security.limits.tenant-requests-per-second",
    }
)
"""Each is read where it is used, or has its own way there in `take_over`."""

_PROVIDER: Final = re.compile(rf"{re.escape(PROVIDER_PREFIX)}[^.]+")


@dataclass(frozen=True, slots=True)
class Change:
    """What a new state of the settings means for a process that runs."""

    loaded: Loaded
    """The settings in force from now on: the new values of what may change, the former ones of the rest."""
    applied: Sequence[str]
    """Keys with a new value in force."""
    waiting: Sequence[str]
    """Keys whose new value needs a restart."""


def is_live(key: str) -> bool:
    """Whether a new value of `key` counts without a restart."""
    return _PROVIDER.sub(f"{PROVIDER_PREFIX}*", key) in LIVE


def change(former: Loaded, newer: Loaded) -> Change:
    """From the settings in force to those that should be. Raises `SettingsError` where that would not be a state to start with."""
    before, after = former.values, newer.values
    differing = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    # A provider that is new, or gone, needs a restart with all that it has.
    applied = sorted(key for key in differing if is_live(key) and key in before and key in after)
    waiting = sorted(set(differing) - set(applied))
    loaded = combined(former, newer, applied)
    if problems := start_problems(loaded.settings, loaded.profile):
        raise problems[0]
    return Change(loaded, applied, waiting)


def take_over(loaded: Loaded, role: Role, process: Process, limits: RequestLimits | None, logs: LogHandle) -> None:
    """Let `process` go on with these settings, which differ from its own in what may change. Raises `SettingsError`, and changes nothing then."""
    policy = policy_of(loaded, role).taking_files(process.gateways.uploaders.keys())
    process.application.policy.follow(policy)
    process.gateways.take_outcome_codes(loaded.settings.app.wework.providers.values())
    if limits is not None:
        limits.take_rates(rates_of(loaded.settings.security.limits))
    logs.take_level(loaded.settings.logging.level)
