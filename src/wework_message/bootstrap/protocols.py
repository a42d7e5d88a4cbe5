"""Provider protocols by name: our own, and those that installed packages register."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.domain.ports.protocols import ProviderProtocol

GROUP: Final = "wework_message.providers"
"""Entry-point group in which other packages register a `ProviderProtocol`."""

_BUILT_IN: Final[Mapping[str, Callable[[], ProviderProtocol]]] = {GuxingProtocol.name: GuxingProtocol}
_MEMBERS: Final = frozenset(name for name in vars(ProviderProtocol) if not name.startswith("_"))


class UnusableProtocolError(Exception):
    """There is no protocol of this name that can be used; the text says why and has no secret."""


def find_protocol(name: str) -> ProviderProtocol | None:
    """The protocol of this name, ours before an installed one; None where there is none that can be used."""
    try:
        return require_protocol(name)
    except UnusableProtocolError:
        return None


def require_protocol(name: str) -> ProviderProtocol:
    """The protocol of this name, ours before an installed one; raises `UnusableProtocolError`."""
    if make := _BUILT_IN.get(name):
        return make()
    registered = list(entry_points(group=GROUP, name=name))
    if not registered:
        raise UnusableProtocolError(
            f"no installed package provides {name}; installed are {', '.join(installed_protocols())}"
        )
    if len(registered) > 1:
        packages = ", ".join(sorted(map(_package_of, registered)))
        raise UnusableProtocolError(f"several installed packages provide {name}: {packages}; remove all but one")
    return _made(registered[0])


def installed_protocols() -> tuple[str, ...]:
    """The names of all protocols, ours first."""
    return tuple(dict.fromkeys((*_BUILT_IN, *sorted(entry_points(group=GROUP).names))))


def simulated_protocols() -> tuple[str, ...]:
    """The protocols that the simulator speaks."""
    return tuple(name for name, make in _BUILT_IN.items() if make().has_simulator)


def _made(entry_point: EntryPoint) -> ProviderProtocol:
    try:
        protocol: ProviderProtocol = entry_point.load()()
    except Exception as error:
        raise UnusableProtocolError(
            f"{_package_of(entry_point)} provides {entry_point.name}, and it cannot be loaded ({type(error).__name__})"
        ) from error
    if lacking := sorted(name for name in _MEMBERS if not hasattr(protocol, name)):
        raise UnusableProtocolError(
            f"{_package_of(entry_point)} provides {entry_point.name} for another version: it lacks {', '.join(lacking)}"
        )
    return protocol


def _package_of(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else entry_point.value
