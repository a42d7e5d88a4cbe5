"""Provider protocols by name: our own, and those that installed packages register."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Final

from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.domain.ports.protocols import ProviderProtocol

GROUP: Final = "wework_message.providers"
"""Entry-point group in which other packages register a `ProviderProtocol`."""

_BUILT_IN: Final[Mapping[str, Callable[[], ProviderProtocol]]] = {GuxingProtocol.name: GuxingProtocol}


def find_protocol(name: str) -> ProviderProtocol | None:
    """The protocol of this name, ours before an installed one; None where there is none."""
    make = _BUILT_IN.get(name) or _installed(name)
    return None if make is None else make()


@cache
def _installed(name: str) -> Callable[[], ProviderProtocol] | None:
    """Looked up once: a start asks several times, and each look reads a file of every installed package."""
    entry_point = next(iter(entry_points(group=GROUP, name=name)), None)
    return None if entry_point is None else entry_point.load()


def simulated_protocols() -> tuple[str, ...]:
    """The protocols that the simulator speaks."""
    return tuple(name for name, make in _BUILT_IN.items() if make().has_simulator)
