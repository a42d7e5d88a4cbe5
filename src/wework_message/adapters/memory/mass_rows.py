"""Rows of mass sends in memory."""

from dataclasses import dataclass

from wework_message.domain.ids import ProviderCode
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.ports.mass import MassTask


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk of a mass send, and when it is due."""

    chunk: MassChunk
    due_at: int | None = None
    in_ms: int = 0
    paced_for: ProviderCode | None = None
    placed_at: int | None = None
    task: MassTask | None = None
    check_at: int | None = None
