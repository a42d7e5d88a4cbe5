"""Outbound requests that stay in this process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundHttp, OutboundOutcome

PUBLIC: Final = ip_address("1.1.1.1")
"""The address of every name that has no other one here; nothing is sent to it."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as its receiver has it."""

    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)


class MemoryOutbound:
    """Keeps what is posted, and answers 204 or what `answers` has for the URL."""

    def __init__(self, policy: AddressPolicy | None = None, *, busy: Callable[[], bool] = lambda: False) -> None:
        """`policy` = public addresses and https only unless given.

        `busy` = whether a unit of work is open; a request then is a bug, and raises `RuntimeError`.
        """
        self._policy = policy or AddressPolicy()
        self._busy = busy
        self.received: list[Received] = []
        """Requests that reached their receiver, in their order."""
        self.answers: dict[str, int | OutboundOutcome] = {}
        """A status, or an outcome without one, by URL."""
        self.addresses: dict[str, Sequence[Address]] = {}
        """By host; none = the name is unknown. A host without an entry is `PUBLIC`."""

    async def post(
        self,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        deadline_ms: int,  # noqa: ARG002 -- nothing takes time here
    ) -> OutboundAnswer:
        if self._busy():
            raise RuntimeError("no transaction may be open while a request is made")
        try:
            target = self._policy.target(url)
        except InvalidValueError:
            return OutboundAnswer(OutboundOutcome.BLOCKED)
        addresses = (target.address,) if target.address is not None else self.addresses.get(target.host, (PUBLIC,))
        if not addresses:
            return OutboundAnswer(OutboundOutcome.DNS)
        if not self._policy.allows(target, addresses):
            return OutboundAnswer(OutboundOutcome.BLOCKED)
        answer = self.answers.get(url, 204)
        if answer in {OutboundOutcome.CONNECT, OutboundOutcome.TLS}:
            return OutboundAnswer(OutboundOutcome(answer))
        self.received.append(Received(url, {name.lower(): value for name, value in headers}, body))
        return OutboundAnswer(answer) if isinstance(answer, OutboundOutcome) else OutboundAnswer.of_status(answer)


def _conforms(outbound: MemoryOutbound) -> OutboundHttp:
    return outbound
