"""How long a client wants to wait (`Prefer`)."""

import re
from typing import Any, Final

from litestar import Request

from wework_message.entrypoints.rest.http.request_body import request_header
from wework_message.entrypoints.rest.http.routing import header

MAX_WAIT_MS: Final = 30_000
"""One request lasts at most this long (W-4)."""

PREFER: Final = header("Prefer", "`wait=N`: seconds to wait for the outcome, at most 30.")

_WAIT: Final = re.compile(rb"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])")


def wait_ms_of(request: Request[Any, Any, Any], default: int) -> tuple[int, bool]:
    """How long to wait, and whether the client asked for it (`Prefer: wait=N`, seconds)."""
    prefer = request_header(request, b"prefer")
    match = _WAIT.search(prefer) if prefer is not None else None
    if match is None:
        return min(default, MAX_WAIT_MS), False
    return min(int(match[1]) * 1000, MAX_WAIT_MS), True
