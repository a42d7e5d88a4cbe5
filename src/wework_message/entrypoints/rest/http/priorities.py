"""Which requests are refused first while the process is overloaded: by route (ADR 71)."""

from typing import Final

from wework_message.domain.load.priorities import Priority
from wework_message.entrypoints.rest.webhook_paths import WEBHOOK

_CHANGES: Final = {
    "/api/messages/send": Priority.SEND,
    "/api/messages/send/async": Priority.SEND,
    "/api/messages/send/batch": Priority.BATCH,
    WEBHOOK: Priority.CALLBACK,
}
"""By the path of a POST."""

_READS: Final = (
    "/api/messages", "/api/accounts", "/api/callbacks", "/api/dead-letters", "/api/webhooks", "/api/erasures",
)  # fmt: skip
"""Where reading asks nothing but our database. What is read elsewhere is a probe or a file, or a provider is asked for it."""


def priority_of(method: str, path: str) -> Priority | None:
    """The priority of a route by its template; None = it is neither counted nor refused: probes, and what people do by hand."""
    if method == "POST":
        return Priority.CALLBACK if path.startswith(f"{WEBHOOK}/") else _CHANGES.get(path)
    return Priority.READ if method == "GET" and path.startswith(_READS) else None
