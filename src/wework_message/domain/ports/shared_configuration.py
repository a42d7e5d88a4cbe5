"""Configuration that several services read from a server, such as Nacos."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DocumentName:
    """Names one configuration of the server."""

    data_id: str
    group: str
    refreshed: bool = True
    """Whether a change counts before the next start."""

    def __str__(self) -> str:
        return self.data_id if self.group == "DEFAULT_GROUP" else f"{self.data_id}@{self.group}"


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration as the server has it. Its text may hold secrets, so nothing prints it."""

    name: DocumentName
    text: str = field(repr=False)


class SharedConfiguration(Protocol):
    """The configurations of one service on the server."""

    async def read(self) -> Sequence[Document]:
        """Those that exist, weakest first. Ends within seconds; raises `UnavailableError`."""
        ...

    async def changed(self, seconds: float) -> None:
        """Return once one of them may have changed since the last `read`, or after so many seconds.

        A change may go unnoticed while the server is away: read again in any case.
        """
        ...

    async def close(self) -> None:
        """Let go of the server, whatever state it is in. Ends within seconds."""
        ...
