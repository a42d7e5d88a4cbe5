"""Provider protocols by name: our own, and those that installed packages register."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Final

from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.domain.ports.protocols import ProviderProtocol

GROUP: Final = "wework_message.providers"
"""Entry-point group in which other packages register a `ProviderProtocol`."""

_BUILT_IN: Final[Mapping[str, Callable[[], ProviderProtocol]]] = {GuxingProtocol.name: GuxingProtocol}


def find_protocol(name: str) -> ProviderProtocol | None:
    """The protocol of this name, ours before an installed one; None where there is none."""
    make = _BUILT_IN.get(name)
    if make is None:
        entry_point = next(iter(entry_points(group=GROUP, name=name)), None)
        if entry_point is None:
            return None
        make = entry_point.load()
    return make()


def simulated_protocols() -> tuple[str, ...]:
    """The protocols that the simulator speaks."""
    return tuple(name for name, make in _BUILT_IN.items() if make().has_simulator)
