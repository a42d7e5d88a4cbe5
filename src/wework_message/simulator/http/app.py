"""The simulator as one ASGI application: validation, faults, execution, ledger, answer."""

import random
import time
from collections.abc import MutableMapping
from typing import Protocol, cast

import msgspec

from wework_message.simulator.accounts import Accounts, own_user_id
from wework_message.simulator.answers import KINDS, READ_MARK, RECALL, Json
from wework_message.simulator.assumptions import HEADER, assumed
from wework_message.simulator.clients import ALL_CLIENTS, Clients
from wework_message.simulator.contract.completeness import check_body
from wework_message.simulator.contract.endpoints import Problem, contract, missing
from wework_message.simulator.echoes import Echoes
from wework_message.simulator.faults import Fault, Faults
from wework_message.simulator.http.control import Control, Counts
from wework_message.simulator.http.pauses import Pauses, Stopped
from wework_message.simulator.http.replies import (
    NO_ANSWER,
    NOT_FOUND,
    TOO_LARGE,
    Receive,
    Reply,
    Send,
    faulty,
    good,
    invalid,
    json_reply,
    not_allowed,
    send_reply,
    throttled,
    unparsable,
)
from wework_message.simulator.instances import Instances
from wework_message.simulator.ledger import Entry, Ledger
from wework_message.simulator.logins import Logins
from wework_message.simulator.messages import MASS_SEND, Messages, Outcome
from wework_message.simulator.options import SimulatorOptions

MAX_BODY_BYTES = 16_777_216
"""Larger request bodies get 413; the vendor's limit is unknown."""

_DECODER = msgspec.json.Decoder()


class Connection(Protocol):
    """The connection of a request, as `running` puts it into the scope's state."""

    def abort(self) -> None:
        """Close at once, without an answer."""
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
        self.options = options
        self.counts = Counts()
        self.accounts = Accounts(options)
        self.ledger = Ledger(options.ledger, fsync=options.fsync)
        self.faults = Faults(random_source)
        self.instances = Instances(options, self.accounts)
        self.echoes = Echoes(options, self.ledger, self.instances, random_source)
        self.logins = Logins(options, self.instances, self.echoes.post)
        self._pauses = Pauses()
        self._clients = Clients(options, self.instances, self.logins)
        self._messages = Messages(options, self.accounts, self.instances, random_source)
        self.control = Control(self.instances, self.logins, self.faults, self.echoes, self.ledger, self.counts)
        for entry in self.ledger.replay():
            self._restore(entry)

    def start(self) -> None:
        """Begin to send echoes."""
        self.echoes.start()

    def end_pauses(self) -> None:
        """Close the connections of calls that only wait."""
        self._pauses.end()

    async def stop(self) -> None:
        """End logins and echoes and close the ledger."""
        self.logins.stop()
        await self.echoes.stop()
        await self.ledger.close()

    async def __call__(self, scope: MutableMapping[str, object], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            reply = await self._reply(scope, receive, send)
            if reply is not None and reply.status != NO_ANSWER:
                await send_reply(reply, send, self._pauses)
        except Stopped:
            reply = Reply(NO_ANSWER)
        if reply is not None and reply.status == NO_ANSWER:
            state = cast("dict[str, Connection]", scope["state"])
            state["connection"].abort()
            while (await receive())["type"] != "http.disconnect":
                pass

    async def _reply(self, scope: MutableMapping[str, object], receive: Receive, send: Send) -> Reply | None:
        path, method = str(scope["path"]), str(scope["method"])
        body = await _read(receive)
        if path.startswith("/_sim/"):
            query = cast("bytes", scope["query_string"])
            return await self.control.handle(method, path.removeprefix("/_sim/"), query, body or b"", send)
        return await self._vendor(method, path, body, cast("list[tuple[bytes, bytes]]", scope["headers"]))

    async def _vendor(self, method: str, path: str, sent: bytes | None, headers: list[tuple[bytes, bytes]]) -> Reply:
        at = time.time_ns() // 1_000_000
        self.counts.requests += 1
        if path not in contract().endpoints:
            return NOT_FOUND
        if method == "GET" and path == ALL_CLIENTS:
            return json_reply(self._clients.perform(path, {}))
        if method != "POST":
            return not_allowed(b"POST")
        if sent is None:
            return TOO_LARGE
        marker = None
        if self.options.keep_marker:
            marker = next((value.decode("latin-1") for name, value in headers if name == b"x-request-id"), None)
        body, refusal = self._read_body(path, sent)
        entry = Entry(at, path, _text(body, "guid"), _text(body, "conversation_id"), marker, body, executed=False)
        if refusal is None and body is not None:
            return await self._execute(path, body, entry)
        reply = refusal or NOT_FOUND
        entry.status = reply.status
        await self._record(entry)
        return reply

    def _read_body(self, path: str, sent: bytes) -> tuple[Json | None, Reply | None]:
        """The request's object, and the 422 if the contract refuses it."""
        if not sent:
            return None, invalid([missing(("body",))])
        try:
            body = _DECODER.decode(sent)
        except (msgspec.DecodeError, RecursionError) as error:
            return None, unparsable(str(error))
        if not isinstance(body, dict):
            return None, invalid([Problem(("body",), "value is not a valid dict", "type_error.dict")])
        problems = check_body(path, body, inline_required=self.options.inline_required, lenient=self.options.lenient)
        return body, invalid(problems) if problems else None

    async def _execute(self, path: str, body: Json, entry: Entry) -> Reply:
        fault = self.faults.pick(path, entry.guid, entry.conversationId)
        if fault is not None and fault.kind == "slow" and fault.when == "before":
            await self._pauses.wait(fault.delay_ms)
        outcome: Outcome | None
        if fault is None:
            outcome = self._perform(path, body, None)
            reply, entry.error_code = good(outcome.envelope)
        else:
            outcome = self._perform(path, body, fault) if fault.executes else None
            entry.fault = fault.kind
            reply, entry.error_code = faulty(fault, None if outcome is None else outcome.envelope)
        if outcome is not None and reply.status != NO_ANSWER:
            reply = self._marked(path, outcome, reply)
        entry.status = reply.status
        if outcome is not None:
            entry.executed = outcome.executed
            if outcome.record is not None:
                entry.id, entry.seq = outcome.record.id, outcome.record.seq
        instance = None if entry.guid is None else self.instances.peek(entry.guid)
        entry.account = None if instance is None else instance.account.user_id
        await self._record(entry)
        if outcome is not None and outcome.record is not None:
            self.echoes.schedule(outcome.record, entry.n)
        if fault is not None and fault.kind == "slow" and fault.when == "after":
            await self._pauses.wait(fault.delay_ms)
        if self.options.latency_ms:
            await self._pauses.wait(self.options.latency_ms)
        return reply

    def _marked(self, path: str, outcome: Outcome, reply: Reply) -> Reply:
        """The answer with a header that names the assumptions it rests on; over the limit it is a 429."""
        names = assumed(path, outcome.envelope, self.options)
        if outcome.retry_after_s is not None and not self.options.throttle_code:
            reply, names = throttled(outcome.retry_after_s), ("throttle",)
        if not names:
            return reply
        return msgspec.structs.replace(reply, headers=(*reply.headers, (HEADER, ",".join(names).encode())))

    def _perform(self, path: str, body: Json, fault: Fault | None) -> Outcome:
        guid = _text(body, "guid")
        if path.startswith("/msg/"):
            outcome = self._messages.perform(path, body, fault)
        else:
            outcome = Outcome(self._clients.perform(path, body), executed=True)
        self._clients.wake(path, guid)
        return outcome

    async def _record(self, entry: Entry) -> None:
        if not entry.path.startswith("/msg/"):
            return
        if entry.executed:
            self.counts.executed += 1
        else:
            self.counts.not_executed += 1
        await self.ledger.append(entry)

    def _restore(self, entry: Entry) -> None:
        """Continue after an entry of an earlier run: numbers, what can be recalled, the receivers of mass sends."""
        if not entry.executed or entry.guid is None or entry.body is None:
            return
        account = entry.account or own_user_id(entry.guid)
        if entry.id is not None and entry.seq is not None:
            self.accounts.restore(account, entry.id, entry.seq)
            self.instances.restore(entry.guid, account)
        conversation = entry.conversationId or ""
        if entry.path == RECALL:
            self.accounts.recall(account, str(entry.body.get("msgid", "")), conversation)
        elif entry.path in KINDS and entry.path != READ_MARK and entry.id is not None:
            self.accounts.remember(account, entry.id, conversation)
        elif entry.path == MASS_SEND:
            users = entry.body.get("user_list")
            self.accounts.mass_send(account, users if isinstance(users, list) else [], entry.at)


def _text(body: Json | None, name: str) -> str | None:
    value = None if body is None else body.get(name)
    return value if isinstance(value, str) else None


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
