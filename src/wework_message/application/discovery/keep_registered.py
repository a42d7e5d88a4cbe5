"""Keeps one instance on the list of services, whatever becomes of the server that has the list."""

import asyncio
import logging
from typing import Final

from wework_message.application.queries.service import Condition
from wework_message.application.waiting import ends_within, set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.service_registry import ServiceInstance, ServiceRegistry

ROUND_S: Final = 10.0
"""Between two looks: so long a server that was restarted may not know the service."""

WITHDRAW_S: Final = 1.0
"""The drain waits so long for the answer to the deregistration; without it the server notices the end of the connection."""

_log: Final = logging.getLogger(__name__)


class KeepRegistered:
    """A loop: looks whether the instance is listed, and registers it where it is not."""

    kind = "nacos"
    server = True

    def __init__(self, registry: ServiceRegistry, instance: ServiceInstance) -> None:
        """Nothing is registered before `run`."""
        self._registry = registry
        self._instance = instance
        self._stopped = asyncio.Event()
        self._is_away = False
        self._condition = Condition()
        self.registered = False
        """Whether it was listed when it was looked at last."""

    def condition(self) -> Condition:
        """Whether it was listed, or was put on the list, at the last look."""
        return self._condition

    async def run(self) -> None:
        """Work until `stop`; an outage or a defect only pauses it."""
        while not self._stopped.is_set():
            try:
                await self.round()
            except Exception:  # noqa: BLE001 -- the loop goes on
                _log.exception("the registration could not be looked at")
            await set_within(self._stopped, ROUND_S)

    async def round(self) -> None:
        """One look."""
        try:
            self.registered = await self._registry.has(self._instance)
            if not self.registered and not self._stopped.is_set():
                await self._registry.register(self._instance)
                self.registered = True
                instance = self._instance
                _log.info("registered as %s at %s:%d", instance.service, instance.host, instance.port)
        except UnavailableError as error:
            self.registered = False
            if not self._is_away:
                _log.warning("not registered, and tried again every %.0f s: %s", ROUND_S, error)
            self._is_away = True
            self._condition = Condition(healthy=False, reason=str(error))
        else:
            self._is_away = False
            self._condition = Condition(healthy=True)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """Take the instance off the list, within `WITHDRAW_S`."""
        self._stopped.set()
        if not self._is_away:
            await ends_within(self._withdraw(), WITHDRAW_S, "the deregistration")
        await self._registry.close()

    async def _withdraw(self) -> None:
        try:
            await self._registry.deregister(self._instance)
            self.registered = False
        except UnavailableError as error:
            _log.warning("not deregistered: %s", error)
