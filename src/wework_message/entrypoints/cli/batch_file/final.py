"""Waits until the messages of a run rest, and writes down their statuses: a part of them at a time, in constant memory."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import Struct

from wework_message.entrypoints.cli.batch_file.interrupts import Interrupts
from wework_message.entrypoints.cli.batch_file.run import ItemResult, unwritable
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.follow import unsettled

AT_ONCE: Final = 100
"""Statuses of one request, at most."""

_POLL_S: Final = 1.0


class FinalStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of the file of statuses."""

    line: int
    message_id: str
    status: str | None
    """None where the service has the message no more."""
    reason: str | None = None
    error_code: int | None = None
    """The provider's."""


def final_of(results: Path) -> Path:
    """The statuses are beside the results."""
    return results.with_name(results.name + ".final")


def write_final(client: ServiceClient, results: Path, interrupts: Interrupts, *, wait_s: float) -> Counter[str]:
    """Write the status of each accepted item, once all rest or `wait_s` seconds have passed; how many have which.

    Raises as `ServiceClient.data`, and `KeyboardInterrupt`; the file is complete where it returns.
    """
    ends = monotonic() + wait_s
    counts: Counter[str] = Counter()
    try:
        with results.open("rb") as read, final_of(results).open("wb") as written:
            accepted = _accepted(read)
            while part := list(islice(accepted, AT_ONCE)):
                statuses = _resting(client, part, interrupts, ends)
                for result in part:
                    status = _final(result, statuses.get(str(result.message_id), {}))
                    counts[status.status or "NOT_FOUND"] += 1
                    written.write(msgspec.json.encode(status) + b"\n")
    except OSError as error:
        raise unwritable(error) from None
    return counts


def _accepted(file: BinaryIO) -> Iterator[ItemResult]:
    decoder = msgspec.json.Decoder(ItemResult)
    return (result for result in map(decoder.decode, file) if result.message_id is not None)


def _resting(
    client: ServiceClient, part: Sequence[ItemResult], interrupts: Interrupts, ends: float
) -> Mapping[str, Mapping[str, Any]]:
    """The status objects of a part by id, once all rest or the time is over."""
    ids = ",".join(dict.fromkeys(str(result.message_id) for result in part))
    while True:
        items = client.data("GET", "/api/messages/status", params={"ids": ids})["items"]
        if not unsettled(item["status"] for item in items) or (left := ends - monotonic()) <= 0:
            return {item["messageId"]: item for item in items}
        interrupts.pause(min(_POLL_S, left))


def _final(result: ItemResult, statuses: Mapping[str, Any]) -> FinalStatus:
    return FinalStatus(
        line=result.line, message_id=str(result.message_id), status=statuses.get("status"), reason=statuses.get("reason"),
        error_code=statuses.get("errorCode"),
    )  # fmt: skip
