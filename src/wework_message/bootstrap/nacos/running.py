"""Nacos while a process runs: it follows its configurations, and registers the service."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final, TypeAlias

from wework_message.application.discovery.keep_registered import KeepRegistered
from wework_message.application.queries.service import Backend
from wework_message.application.waiting import ends_within
from wework_message.bootstrap.loops import Loop
from wework_message.bootstrap.nacos.follow import FollowConfiguration
from wework_message.bootstrap.nacos.instance import instance_of
from wework_message.bootstrap.nacos.start import keep_copy, kept_configuration
from wework_message.bootstrap.settings import Loaded
from wework_message.bootstrap.settings.nacos import document_names
from wework_message.bootstrap.sockets import Listeners

_STOP_S: Final = 1.5

Watch: TypeAlias = Callable[[Mapping[str, Backend]], None]
"""Gets what is observed of Nacos, by the name of the part."""

_log: Final = logging.getLogger(__name__)


def _import_sdk(loaded: Loaded) -> None:
    """If Nacos is used. It takes 0.4 s, so a thread does it; and it brings pydantic, which Litestar must not find (ADR 29)."""
    if loaded.layers.nacos().reads or loaded.settings.nacos.registers:
        import wework_message.adapters.nacos.configuration  # noqa: PLC0415 -- most have no Nacos, and not the extra
        import wework_message.adapters.nacos.registry  # noqa: F401, PLC0415 -- as above


@asynccontextmanager
async def in_nacos(
    loaded: Loaded, apply: Callable[[Loaded], None], watch: Watch, listeners: Listeners | None
) -> AsyncIterator[Sequence["asyncio.Task[None]"]]:
    """The last that a process begins, and the first that it ends: what is registered works. Without `listeners` nothing is.

    Yields the tasks, which end only by a defect.
    """
    await asyncio.to_thread(_import_sdk, loaded)
    async with AsyncExitStack() as stack:
        tasks = [*await stack.enter_async_context(following(loaded, apply, watch))]
        if listeners is not None:
            operating = None if listeners.operating is None else listeners.operating.getsockname()[1]
            tasks += await stack.enter_async_context(registered(loaded, listeners.port, operating, watch))
        yield tasks


@asynccontextmanager
async def following(
    loaded: Loaded, apply: Callable[[Loaded], None], watch: Watch
) -> AsyncIterator[Sequence["asyncio.Task[None]"]]:
    """What Nacos says counts in this process until the end. Nothing where Nacos has no settings for it."""
    nacos, profiles = loaded.layers.nacos(), loaded.layers.profiles
    if not (nacos.reads and nacos.config.refresh_enabled):
        yield ()
        return
    from wework_message.adapters.nacos.configuration import NacosSharedConfiguration  # noqa: PLC0415 -- see `_import_sdk`
    from wework_message.bootstrap.nacos.servers import configuration_server  # noqa: PLC0415 -- as above

    configuration = NacosSharedConfiguration.at(configuration_server(nacos), document_names(nacos, profiles))
    keep = partial(keep_copy, kept_configuration(nacos, profiles))
    loop = FollowConfiguration(loaded, configuration, apply, keep)
    watch({"nacos-configuration": loop})
    async with _running(loop) as tasks:
        yield tasks


@asynccontextmanager
async def registered(
    loaded: Loaded, port: int, management_port: int | None, watch: Watch
) -> AsyncIterator[Sequence["asyncio.Task[None]"]]:
    """The service is on the list, or will be once Nacos answers; at the end it is taken off."""
    nacos = loaded.settings.nacos
    if not nacos.registers:
        yield ()
        return
    from wework_message.adapters.nacos.registry import NacosServiceRegistry  # noqa: PLC0415 -- as above
    from wework_message.bootstrap.nacos.servers import registration_server  # noqa: PLC0415 -- as above

    registry = NacosServiceRegistry.at(registration_server(nacos))
    instance = await asyncio.to_thread(instance_of, loaded, port, management_port)
    loop = KeepRegistered(registry, instance)
    watch({"nacos-registration": loop})
    async with _running(loop) as tasks:
        yield tasks


@asynccontextmanager
async def _running(loop: Loop) -> AsyncIterator[Sequence["asyncio.Task[None]"]]:
    task = asyncio.create_task(loop.run(), name=type(loop).__name__)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_stop, loop, task)
        yield [task]


async def _stop(loop: Loop, task: "asyncio.Task[None]") -> None:
    async def ended() -> None:
        await loop.stop(0.0)
        await asyncio.wait({task}, timeout=1)

    await ends_within(ended(), _STOP_S, f"stop of {task.get_name()}")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
