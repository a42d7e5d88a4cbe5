"""Reads answers that the vendor does not document: each value at the first of several places where it may be."""

from collections.abc import Mapping
from typing import Any


class Places:
    """Where values are: ``{"file-id": "file_id | file.id"}`` reads `file_id`, or else `id` in the object `file`."""

    __slots__ = ("_paths",)

    def __init__(self, assumed: Mapping[str, str], configured: Mapping[str, str]) -> None:
        """`configured` places take precedence over what is `assumed` of the same value."""
        self._paths = {
            name: [tuple(place.strip().split(".")) for place in places.split("|")]
            for name, places in {**assumed, **configured}.items()
        }

    def value(self, name: str, data: object) -> Any:
        """The value; None where it is at none of its places."""
        for path in self._paths[name]:
            value: Any = data
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None
