"""Setting up instances at their providers, as far as the settings ask for it: callback URL and notify flags."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.policy import InstancePolicy, Policy
from wework_message.application.waiting import set_within
from wework_message.domain.account import Binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.bindings import BindingReader
from wework_message.domain.ports.instances import InstanceAdmin

PAGE: Final = 200
"""Bindings that are read at once."""

SIDE_BY_SIDE: Final = 4
"""Instances of one provider that are set up at a time: sends have connections of their own."""

RETRY_S: Final = 60.0
"""Until the instances are tried again that could not be set up."""

MAX_PASSES: Final = 10
"""Passes over what could not be set up; then the log has said it often enough."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConfigureInstance:
    """Sets one instance up."""

    policy: Policy
    admins: Mapping[ProviderCode, InstanceAdmin]

    def concerns(self, provider_code: ProviderCode) -> InstancePolicy | None:
        """What is to be set at this provider; None = nothing."""
        instances = self.policy.instances.get(provider_code)
        has_work = instances is not None and (instances.callback_url is not None or instances.notify is not None)
        return instances if has_work and provider_code in self.admins else None

    async def __call__(self, binding: Binding) -> bool:
        """Whether everything that the settings ask for is set, or nothing had to be. A failure is logged; it never raises."""
        instances = self.concerns(binding.provider_code)
        if instances is None:
            return True
        admin, guid = self.admins[binding.provider_code], binding.guid
        outcomes: list[tuple[str, AttemptOutcome]] = []
        if instances.callback_url is not None:
            outcomes.append(("callback-url", await admin.set_callback_url(guid, instances.callback_url)))
        if instances.notify is not None:
            outcomes.append(("notify", await admin.set_notify(guid, instances.notify)))
        failed = [(name, outcome) for name, outcome in outcomes if outcome.kind is not OutcomeClass.ACCEPTED]
        for name, outcome in failed:
            _log.warning(
                "%s of binding %s could not be set: %s, code %s",
                name, binding.binding_id, outcome.kind, outcome.error_code,
            )  # fmt: skip
        return not failed


class ConfigureSoon:
    """Sets up instances that were bound just now, beside the request that bound them: it does not wait for a provider.

    What fails is logged, and set up at the next start.
    """

    def __init__(self, configure: ConfigureInstance) -> None:
        """`configure` never raises."""
        self._configure = configure
        self._tasks: set[asyncio.Task[bool]] = set()

    def __call__(self, bindings: Sequence[Binding]) -> None:
        """Begin; the bindings are committed."""
        for binding in bindings:
            if binding.enabled and self._configure.concerns(binding.provider_code) is not None:
                self._tasks.add(task := asyncio.create_task(self._configure(binding)))
                task.add_done_callback(self._tasks.discard)


class ConfigureKnown:
    """Sets up every known instance once after the start, in one process of the cluster."""

    def __init__(
        self, configure: ConfigureInstance, bindings: BindingReader, lease: ClusterLease, retry_s: float = RETRY_S
    ) -> None:
        """`lease` names the process that does it; `retry_s` between two passes."""
        self._configure = configure
        self._bindings = bindings
        self._lease = lease
        self._retry_s = retry_s
        self._passes = 0
        self._missing: Sequence[Binding] = ()
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the instances at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`. It keeps the lease when all is done, so that no other process does it again while this one lives."""
        policy = self._configure.policy
        codes = [code for code in policy.providers if self._configure.concerns(code) is not None]
        while codes and not self._stopped.is_set():
            try:
                if await self._lease.acquire():
                    await self._pass(codes)
            except UnavailableError as error:
                _log.warning("instances could not be set up now: %s", error)
            await set_within(self._stopped, self._retry_s)
        await self._stopped.wait()
        if codes:
            await self._lease.release()

    async def _pass(self, codes: Sequence[ProviderCode]) -> None:
        """All instances in the first pass; then those that failed, `MAX_PASSES` times at most."""
        if self._passes == 0:
            self._missing = [binding for code in codes for binding in await self._all(code)]
        if self._missing and self._passes < MAX_PASSES:
            self._missing = await self._set_up(self._missing)
            if not self._missing:
                _log.info("all instances are set up")
        self._passes += 1

    async def _all(self, provider_code: ProviderCode) -> Sequence[Binding]:
        bindings: list[Binding] = []
        after: Guid | None = None
        while page := await self._bindings.at_provider(provider_code, limit=PAGE, after=after):
            bindings += page
            after = page[-1].guid
        return bindings

    async def _set_up(self, bindings: Sequence[Binding]) -> Sequence[Binding]:
        """Those that could not be set up; a stop leaves the rest to the next start."""
        missing: list[Binding] = []
        for start in range(0, len(bindings), SIDE_BY_SIDE):
            if self._stopped.is_set():
                break
            chunk = bindings[start : start + SIDE_BY_SIDE]
            done = await asyncio.gather(*map(self._configure, chunk))
            missing += [binding for binding, is_done in zip(chunk, done, strict=True) if not is_done]
        return missing
