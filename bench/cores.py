"""A core for the service and one for who makes its load, where there are two."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench import processes
from bench.processes import Service


@contextlib.contextmanager
def on_core(place: int) -> Iterator[None]:
    """Processes that are started within run on one core; 0 is for the service, 1 for who makes its load. Nothing where there is one core.

    Else the load generator takes the service's time, and more of it the more it asks for.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, {cores[place]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def services_on_a_core(folder: Path, settings: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, Service]]:
    """A service for each of these `settings`, all on the service's core; the provider, and what runs within, are on the other one."""
    with contextlib.ExitStack() as stack:
        with on_core(1):
            provider = stack.enter_context(processes.stub())
        with on_core(0):
            services = {
                state: stack.enter_context(processes.service(folder / state, provider, settings=own))
                for state, own in settings.items()
            }
        stack.enter_context(on_core(1))
        yield services
