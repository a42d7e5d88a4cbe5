"""A provider in memory that takes files: it does what its script says, and records its uploads."""

import itertools
from collections import deque
from collections.abc import Awaitable, Callable

from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.ports.media_gateway import MediaGateway, Upload, Uploaded, UploadOutcome

UploadScript = Uploaded | Callable[[Upload], Awaitable[Uploaded]]
"""The end of an upload; a function may wait, and is cancelled with its caller."""


class MemoryMediaGateway:
    """Takes every file unless scripted otherwise; `uploads` has every upload that began."""

    def __init__(self, *, busy: Callable[[], bool] = lambda: False) -> None:
        """`busy` as in `MemoryGateway`."""
        self._busy = busy
        self._serial = itertools.count(1)
        self._script: deque[UploadScript] = deque()
        self.uploads: list[Upload] = []

    def script(self, *steps: UploadScript) -> None:
        """Set the ends of the next uploads, in order."""
        self._script.extend(steps)

    def uploaded(self, upload: Upload) -> Uploaded:
        """The end of an upload that went well, with a handle that was not used before."""
        number = next(self._serial)
        if upload.kind in (UploadKind.PREVIEW, UploadKind.PICTURE_URL):
            handle = Handle(md5=upload.md5, size=upload.size, url=f"https://wework.qpic.example/{number}")
        else:
            key = "" if upload.kind is UploadKind.BIG else f"{number:032x}"
            handle = Handle(file_id=f"30{number:08x}", aes_key=key, md5=upload.md5, size=upload.size)
        return Uploaded(UploadOutcome.UPLOADED, handle)

    async def upload(self, upload: Upload) -> Uploaded:
        """The next step of the script, or a new handle. Raises `RuntimeError` inside a unit of work."""
        if self._busy():
            raise RuntimeError("a provider was called while a unit of work was open (D-12)")
        self.uploads.append(upload)
        step = self._script.popleft() if self._script else self.uploaded(upload)
        return step if isinstance(step, Uploaded) else await step(upload)


def _conforms(gateway: MemoryMediaGateway) -> MediaGateway:
    return gateway
