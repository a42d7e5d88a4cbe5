"""The children of one metric, whose labels have values of closed sets only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

OTHER: Final = "other"
"""Any label value outside its closed set."""

Child = TypeVar("Child", Counter, Gauge, Histogram)


@dataclass(frozen=True, slots=True)
class Domain:
    """The closed set of one label, and the value that replaces everything outside it."""

    values: frozenset[str]
    default: str = OTHER


class Series(Generic[Child]):
    """The children of one metric by label values; a dict look-up for known values."""

    def __init__(self, family: Child, domains: tuple[Domain, ...], initial: Iterable[tuple[str, ...]]) -> None:
        """`initial` exist at 0 at once; other values of `domains` are created with their first use."""
        self._family: Child = family
        self._domains = domains
        self._children: dict[tuple[str, ...], Child] = {labels: family.labels(*labels) for labels in initial}

    def __getitem__(self, labels: tuple[str, ...]) -> Child:
        try:
            return self._children[labels]
        except KeyError:
            return self._limited(labels)

    def _limited(self, labels: tuple[str, ...]) -> Child:
        """Caches values of the closed sets only: unknown paths cannot make it grow."""
        pairs = zip(labels, self._domains, strict=True)
        limited = tuple(str(label) if label in domain.values else domain.default for label, domain in pairs)
        child = self._children.get(limited)
        if child is None:
            child = self._children[limited] = self._family.labels(*limited)
        return child
