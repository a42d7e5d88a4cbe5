"""Requests to addresses that clients named: their webhook endpoints. Never to a provider, which has its gateway."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.outbound_answer import OutboundAnswer, OutboundOutcome

__all__ = ["OutboundAnswer", "OutboundHttp", "OutboundOutcome"]


class OutboundHttp(Protocol):
    """Makes requests within the address policy (`domain.outbound.AddressPolicy`).

    The host is resolved once per request; the connection goes to an address that was checked. Proxies and credentials
    of the environment are not used. No cookie is kept.
    """

    async def post(
        self, url: str, *, headers: Sequence[tuple[str, str]], body: bytes, deadline_ms: int
    ) -> OutboundAnswer:
        """POST once: no repeat, no redirect. Ends within `deadline_ms` (above 0), all steps together.

        `headers` are printable ASCII and not those that frame a message (host, content-length, ...); a user-agent is added.
        The status decides; of the answer's body at most 4 KiB are read and dropped. Raises only `asyncio.CancelledError`.
        """
        ...
