"""``wework-message`` that stores callbacks and does not apply them for as long as a file `HELD` is in its folder."""

from pathlib import Path
from typing import Final

from wework_message.__main__ import main
from wework_message.application.callbacks.projector import Projector

HELD: Final = "projector-held"

_project_pending = Projector.project_pending


def _is_held() -> bool:
    return Path(HELD).exists()


async def _project_unless_held(projector: Projector) -> int:
    return 0 if _is_held() else await _project_pending(projector)


if __name__ == "__main__":
    Projector.project_pending = _project_unless_held  # type: ignore[method-assign, assignment]  # the point of this program
    main()
