"""Inspectors: with the libraries of the extra ``media``, and without."""

from pathlib import Path
from typing import Final

from wework_message.adapters.media.children import Children
from wework_message.adapters.media.looking import SOUND_READERS, libraries_installed, look
from wework_message.adapters.threads import Threads
from wework_message.domain.errors import UnavailableError
from wework_message.domain.media.asset import Seen
from wework_message.domain.ports.media_inspector import MediaDefectError, MediaInspector

PROCESSES: Final = 2


class ProcessInspector:
    """Decodes in child processes, which may crash or hang of a file; belongs to one event loop."""

    def __init__(self, children: Children | None = None) -> None:
        """Starts nothing before the first file."""
        self._children = children or Children(PROCESSES)

    async def inspect(self, path: Path) -> Seen:
        answer = await self._children.ask("inspect", path)
        if answer.defect:
            raise MediaDefectError("the file is broken, or unfolds to too much")
        if answer.seen is None:
            raise UnavailableError("media inspector", "cannot read the file")
        seen = answer.seen
        return Seen(seen.mime_type, seen.width, seen.height, seen.duration_ms)

    async def preview(self, path: Path) -> bytes | None:
        try:
            return (await self._children.ask("preview", path)).preview
        except MediaDefectError:
            return None

    async def aclose(self) -> None:
        await self._children.aclose()


class PlainInspector:
    """Reads types and the durations of voices; the rest has to be told."""

    def __init__(self) -> None:
        """Starts no thread yet."""
        self._threads = Threads("media")

    async def inspect(self, path: Path) -> Seen:
        try:
            return await self._threads.run(_look, path)
        except OSError as error:
            raise UnavailableError("media inspector", "cannot read the file") from error

    async def preview(self, path: Path) -> bytes | None:  # noqa: ARG002 -- nothing here decodes it
        return None

    async def aclose(self) -> None:
        self._threads.close()


def _look(path: Path) -> Seen:
    with path.open("rb") as file:
        return look(file, SOUND_READERS)


def media_inspector() -> MediaInspector:
    """The best one for what is installed."""
    return ProcessInspector() if libraries_installed() else PlainInspector()
