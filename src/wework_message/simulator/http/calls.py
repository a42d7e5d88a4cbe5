"""Calls of the vendor's API: validation, faults, execution, ledger, answer."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from wework_message.simulator.answers import Json
from wework_message.simulator.assumptions import HEADER, assumed
from wework_message.simulator.clients import ALL_CLIENTS, Clients
from wework_message.simulator.contract.completeness import check_body
from wework_message.simulator.contract.endpoints import Problem, contract, missing
from wework_message.simulator.echoes import Echoes
from wework_message.simulator.faults.actions import Action
from wework_message.simulator.faults.rules import Call, Rules
from wework_message.simulator.files.uploads import UPDATE_RULE, UPLOADS, Uploads
from wework_message.simulator.http.pauses import Pauses
from wework_message.simulator.http.replies import (
    NO_ANSWER,
    NOT_FOUND,
    TOO_LARGE,
    Reply,
    faulty,
    good,
    invalid,
    json_reply,
    not_allowed,
    throttled,
    unparsable,
)  # fmt: skip
from wework_message.simulator.ledger import Entry, Ledger
from wework_message.simulator.messages import Messages
from wework_message.simulator.options import SimulatorOptions
from wework_message.simulator.outcome import Delivery, Outcome
from wework_message.simulator.streams import SYNC, Streams

_DECODER = msgspec.json.Decoder()


class Counts(msgspec.Struct):
    """Vendor calls so far: all, executed ones to `/msg/`, all others to `/msg/` that reached the ledger, and executed uploads."""

    requests: int = 0
    executed: int = 0
    not_executed: int = 0
    uploads: int = 0


class Calls:
    """Answers the calls of the vendor's API."""

    def __init__(
        self,
        options: SimulatorOptions,
        clients: Clients,
        messages: Messages,
        faults: Rules,
        ledger: Ledger,
        echoes: Echoes,
        pauses: Pauses,
        streams: Streams,
        uploads: Uploads,
    ) -> None:
        self._options = options
        self._clients = clients
        self._messages = messages
        self._faults = faults
        self._ledger = ledger
        self._echoes = echoes
        self._pauses = pauses
        self._streams = streams
        self._uploads = uploads
        self.counts = Counts()

    async def answer(self, method: str, path: str, sent: bytes | None, headers: Sequence[tuple[bytes, bytes]]) -> Reply:
        """The answer to one call; `sent` is its body, None: too large.

        Raises:
            Stopped: the simulator stops while a fault lets the call wait.
            OSError: the ledger's disk refused.
        """
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
        if self._options.keep_marker:
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
        options = self._options
        problems = check_body(path, body, inline_required=options.inline_required, lenient=options.lenient)
        return body, invalid(problems) if problems else None

    async def _execute(self, path: str, body: Json, entry: Entry) -> Reply:
        fault = self._pick(entry)
        if fault is not None and (fault.kind, fault.when) == ("slow", "before"):
            await self._pauses.wait(fault.delay_ms or 0)
        outcome = await self._perform(path, body, fault) if fault is None or fault.executes else None
        envelope = None if outcome is None else outcome.envelope
        reply, entry.error_code = good(envelope or {}) if fault is None else faulty(fault, envelope)
        if outcome is not None:
            reply = self._marked(path, outcome, reply)
            entry.executed = outcome.executed
            if outcome.record is not None:
                entry.id, entry.seq = outcome.record.id, outcome.record.seq
            entry.upload = outcome.upload
        entry.status = reply.status
        entry.account = None if entry.guid is None else self._clients.user_id(entry.guid)
        await self._record(entry)
        if outcome is not None and outcome.record is not None:
            self._echoes.schedule(outcome.record, entry.n)
        if outcome is not None and outcome.deliveries:
            await asyncio.gather(*(self._delivered(entry, delivery) for delivery in outcome.deliveries))
        if fault is not None and (fault.kind, fault.when) == ("slow", "after"):
            await self._pauses.wait(fault.delay_ms or 0)
        if self._options.latency_ms:
            await self._pauses.wait(self._options.latency_ms)
        return reply

    async def _delivered(self, call: Entry, delivery: Delivery) -> None:
        """Record what one recipient of a mass send got, and echo it."""
        entry = Entry(
            call.at, call.path, call.guid, delivery.conversation_id, call.marker, {"msgid": delivery.task_id},
            executed=bool(delivery.records), status=call.status, fault=call.fault, account=call.account, of=call.n,
        )  # fmt: skip
        if delivery.records:
            entry.id, entry.seq = delivery.records[-1].id, delivery.records[-1].seq
        else:
            entry.error_code = delivery.status
        await self._ledger.append(entry)
        for record in delivery.records:
            if self._options.mass_echoes:
                self._echoes.schedule(record, entry.n)

    def _pick(self, entry: Entry) -> Action | None:
        hit = self._faults.pick(Call(entry.path, entry.guid, entry.conversationId))
        if hit is None:
            return None
        entry.fault, entry.rule, entry.action = hit.action.kind, hit.rule, hit.action.parameters()
        return hit.action

    async def _perform(self, path: str, body: Json, fault: Action | None) -> Outcome:
        if path.startswith("/msg/"):
            outcome = self._messages.perform(path, body, fault)
            delivered = [record for delivery in outcome.deliveries for record in delivery.records]
            for record in delivered if outcome.record is None else [outcome.record]:
                self._streams.keep(record)
        elif path in UPLOADS:
            envelope, handle = await self._uploads.perform(path, body)
            made = None if handle is None else msgspec.to_builtins(handle)
            outcome = Outcome(envelope, executed=handle is not None, upload=made)
        elif path == SYNC:
            outcome = Outcome(self._streams.pull(body), executed=True)
        else:
            if path == UPDATE_RULE:
                self._uploads.update_rule(str(body["guid"]))
            outcome = Outcome(self._clients.perform(path, body), executed=True)
        self._clients.wake(path, _text(body, "guid"))
        return outcome

    def _marked(self, path: str, outcome: Outcome, reply: Reply) -> Reply:
        """The answer with a header that names the assumptions it rests on; over the limit it is a 429."""
        if reply.status == NO_ANSWER:
            return reply
        names = assumed(path, outcome.envelope, self._options)
        if outcome.retry_after_s is not None and not self._options.throttle_code:
            reply, names = throttled(outcome.retry_after_s), ("throttle",)
        if not names:
            return reply
        return msgspec.structs.replace(reply, headers=(*reply.headers, (HEADER, ",".join(names).encode())))

    async def _record(self, entry: Entry) -> None:
        if entry.path in UPLOADS:
            self.counts.uploads += entry.executed
        elif not entry.path.startswith("/msg/"):
            return
        elif entry.executed:
            self.counts.executed += 1
        else:
            self.counts.not_executed += 1
        await self._ledger.append(entry)


def _text(body: Json | None, name: str) -> str | None:
    value = None if body is None else body.get(name)
    return value if isinstance(value, str) else None
