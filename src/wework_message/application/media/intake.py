"""What becomes of bytes that came in, by an upload or by a fetch, before they are in the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from wework_message.domain.content.rules import BIG_FILE_BYTES
from wework_message.domain.media.asset import MediaFacts, MediaFailure
from wework_message.domain.ports.media_inspector import MediaDefectError, MediaInspector
from wework_message.domain.ports.media_store import StagedFile, Staging

PREVIEWED: Final = frozenset({"video/mp4", "video/quicktime"})
"""Types that a big video can have: its message needs a picture of it."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture of a video, which becomes an asset of its own (`MediaAsset.preview_id`)."""

    staged: StagedFile
    facts: MediaFacts


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Bytes that may go into the store."""

    facts: MediaFacts
    preview: Preview | None = None
    """Of a video above `BIG_FILE_BYTES`, where one can be made."""


class TakeIn:
    """Looks at staged bytes."""

    def __init__(self, inspector: MediaInspector, staging: Staging) -> None:
        """`staging` is for previews."""
        self._inspector = inspector
        self._staging = staging

    @asynccontextmanager
    async def __call__(self, staged: StagedFile) -> AsyncIterator[TakenIn | MediaFailure]:
        """What the complete bytes of `staged` are, or why they will never do (EMPTY, DEFECT).

        The file of a preview is there until the end of the context. Raises `UnavailableError`.
        """
        facts = await self._facts(staged)
        picture = await self._picture(staged, facts)
        if isinstance(facts, MediaFailure):
            yield facts
        elif picture is None:
            yield TakenIn(facts)
        else:
            async with self._staging.file() as drawn:
                await drawn.write(picture)
                preview = await self._facts(drawn)
                yield TakenIn(facts, None if isinstance(preview, MediaFailure) else Preview(drawn, preview))

    async def _picture(self, staged: StagedFile, facts: MediaFacts | MediaFailure) -> bytes | None:
        """Of a big video, where one can be made."""
        if isinstance(facts, MediaFailure) or facts.size <= BIG_FILE_BYTES or facts.seen.mime_type not in PREVIEWED:
            return None
        return await self._inspector.preview(staged.path)

    async def _facts(self, staged: StagedFile) -> MediaFacts | MediaFailure:
        if staged.size == 0:
            return MediaFailure.EMPTY
        try:
            seen = await self._inspector.inspect(staged.path)
        except MediaDefectError:
            return MediaFailure.DEFECT
        return MediaFacts(staged.sha256, staged.md5, staged.size, seen)
