"""The simulator as one ASGI application: control calls, calls of the vendor's API, and the connection of each."""

import random
from collections.abc import MutableMapping
from typing import Protocol, cast

from wework_message.simulator.accounts import Accounts, own_user_id
from wework_message.simulator.clients import Clients
from wework_message.simulator.echoes import Echoes
from wework_message.simulator.faults.rules import Rules
from wework_message.simulator.files.handles import Handles
from wework_message.simulator.files.uploads import Uploads
from wework_message.simulator.http.calls import Calls
from wework_message.simulator.http.control import Control
from wework_message.simulator.http.pauses import Pauses, Stopped
from wework_message.simulator.http.replies import NO_ANSWER, CutOff, Receive, Reply, Send, send_reply
from wework_message.simulator.instances import Instances
from wework_message.simulator.ledger import Ledger
from wework_message.simulator.logins import Logins
from wework_message.simulator.messages import Messages
from wework_message.simulator.options import SimulatorOptions
from wework_message.simulator.streams import Streams

MAX_BODY_BYTES = 16_777_216
"""Larger request bodies get 413; the vendor's limit is unknown."""


class Connection(Protocol):
    """The connection of a request, as `running` puts it into the scope's state."""

    def close(self, *, is_reset: bool) -> None:
        """Close at once, without the rest of an answer; `is_reset`: by a TCP reset."""
        ...


class SimulatorApp:
    """One simulator with all its parts. `start` and `stop` need the loop that serves it."""

    def __init__(self, options: SimulatorOptions) -> None:
        """Open the ledger and continue from its entries.

        Raises:
            OSError: the ledger cannot be opened.
            msgspec.DecodeError: it is no ledger.
        """
        random_source = random.Random(options.seed)  # noqa: S311 - a replayable schedule, nothing secret
        accounts = Accounts(options)
        instances = Instances(options, accounts)
        handles = Handles(options, random_source)
        messages = Messages(options, accounts, instances, random_source, handles)
        self.ledger = Ledger(options.ledger, fsync=options.fsync)
        self.faults = Rules(options.seed, options.rules)
        self._echoes = Echoes(options, self.ledger, instances, random_source)
        self._logins = Logins(options, instances, self._echoes.post, self._echoes.tell_peers)
        self._pauses = Pauses()
        self._calls = Calls(
            options,
            Clients(options, instances, self._logins),
            messages,
            self.faults,
            self.ledger,
            self._echoes,
            self._pauses,
            Streams(options, instances),
            Uploads(options, instances, handles),
        )
        self.control = Control(
            instances, self._logins, self.faults, self._echoes, self.ledger, self._calls.counts, handles, messages.mass
        )
        for entry in self.ledger.replay():
            accounts.restore(entry)
            instances.restore(entry)
            handles.restore(entry)
            if entry.of is not None:
                messages.mass.restore(entry.account or own_user_id(entry.guid or ""), entry)

    def start(self) -> None:
        """Begin to send echoes."""
        self._echoes.start()

    def end_pauses(self) -> None:
        """Close the connections of calls that only wait."""
        self._pauses.end()

    async def stop(self) -> None:
        """End logins and echoes and close the ledger."""
        self._logins.stop()
        await self._echoes.stop()
        await self.ledger.close()

    async def __call__(self, scope: MutableMapping[str, object], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        cut_off: CutOff | None = None
        try:
            reply = await self._reply(scope, receive, send)
            if reply is not None and reply.status == NO_ANSWER:
                cut_off = CutOff(is_reset=reply.fault is not None and reply.fault.kind == "reset")
            elif reply is not None:
                await send_reply(reply, send, self._pauses)
        except Stopped:
            cut_off = CutOff(is_reset=False)
        except CutOff as cut:
            cut_off = cut
        if cut_off is not None:
            cast("dict[str, Connection]", scope["state"])["connection"].close(is_reset=cut_off.is_reset)
            while (await receive())["type"] != "http.disconnect":
                pass

    async def _reply(self, scope: MutableMapping[str, object], receive: Receive, send: Send) -> Reply | None:
        path, method = str(scope["path"]), str(scope["method"])
        body = await _read(receive)
        if path.startswith("/_sim/"):
            query = cast("bytes", scope["query_string"])
            return await self.control.handle(method, path.removeprefix("/_sim/"), query, body or b"", send)
        return await self._calls.answer(method, path, body, cast("list[tuple[bytes, bytes]]", scope["headers"]))


async def _read(receive: Receive) -> bytes | None:
    """The whole request body; None when it is larger than MAX_BODY_BYTES (the rest is read and dropped)."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunk = cast("bytes", message.get("body", b""))
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if size <= MAX_BODY_BYTES else None
