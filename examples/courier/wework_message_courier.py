"""Courier, a fictitious provider with a plain JSON API, as a protocol of wework-message."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec

from wework_message.adapters.http import HttpClient, Timing, answer_or_outcome, outcome_of_status
from wework_message.domain.content import TextContent
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.checks import Check
from wework_message.domain.ports.gateway import CallbackReader, ClientState, Dispatch, MessageGateway, Recall
from wework_message.domain.ports.protocols import Idempotency, ProviderConnection
from wework_message.domain.routing.provider import Capabilities

CODES = {12: OutcomeClass.REFUSED_BINDING, 31: OutcomeClass.REFUSED_PERMANENT}


class CourierProtocol:
    capabilities = Capabilities(frozenset({"TEXT"}))
    conversations = PEERS_AND_ROOMS
    has_echoes = False
    idempotency = Idempotency.NONE
    has_simulator = False
    secret_options = frozenset({"token"})

    def check_options(self, options: Mapping[str, str]) -> None:
        for name in options.keys() - {"token"}:
            raise InvalidValueError(name, "is no option of the protocol courier")
        if not (options.get("token", "").isascii() and options.get("token", "").isalnum()):
            raise InvalidValueError("token", "must be letters and digits")

    def reader(self) -> CallbackReader | None:
        return None

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        async with (
            aclosing(HttpClient(connection.url, max_connections=connection.calls)) as sends,
            aclosing(HttpClient(connection.url, max_connections=2)) as probes,
        ):
            yield CourierGateway(sends, probes, connection)

    def checks(self, name: str) -> Sequence[Check]:
        return ()


class CourierReply(msgspec.Struct):
    id: str | None = None
    error: int = 0
    online: list[str] | None = None


class CourierGateway:
    def __init__(self, sends: HttpClient, probes: HttpClient, connection: ProviderConnection) -> None:
        self._sends, self._probes, self._timeout_ms = sends, probes, connection.timeout_ms
        self._token = ("authorization", f"Bearer {connection.options['token']}")
        self._codes = CODES | {int(code): kind for code, kind in connection.outcome_codes.items()}

    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        if not isinstance(dispatch.content, TextContent):
            return AttemptOutcome(OutcomeClass.REFUSED_CAPABILITY, reason=Reason.UNBUILDABLE)
        body = {"from": dispatch.guid, "to": dispatch.conversation_id, "text": dispatch.content.content}
        timing = Timing(self._timeout_ms, write_before_boot_ms=dispatch.write_before_boot_ms)
        reply = await self._call(self._sends, "/messages", body, timing)
        if isinstance(reply, AttemptOutcome):
            return reply
        if reply.id is None:
            return AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.NO_ID)
        return AttemptOutcome(OutcomeClass.ACCEPTED, receipt=Receipt(ProviderMessageId(reply.id)))

    async def recall(self, recall: Recall) -> AttemptOutcome:
        reply = await self._call(self._sends, "/recalls", {"id": recall.provider_message_id}, Timing(self._timeout_ms))
        return reply if isinstance(reply, AttemptOutcome) else AttemptOutcome(OutcomeClass.ACCEPTED)

    async def probe(self) -> bool:
        return await self._online() is not None

    async def client_state(self, guid: Guid) -> ClientState:
        online = await self._online()
        return ClientState.UNKNOWN if online is None else ClientState("ONLINE" if guid in online else "OFFLINE")

    async def _online(self) -> list[str] | None:
        reply = await self._call(self._probes, "/instances", {}, Timing(5_000))
        return reply.online if isinstance(reply, CourierReply) else None

    async def _call(self, client: HttpClient, path: str, body: object, timing: Timing) -> CourierReply | AttemptOutcome:
        answer = await answer_or_outcome(client, path, json.dumps(body).encode(), timing, self._token)
        if isinstance(answer, AttemptOutcome):
            return answer
        if answer.status != 200:
            return outcome_of_status(answer.status, answer.headers)
        try:
            reply = msgspec.json.decode(answer.body, type=CourierReply)
        except (ValueError, RecursionError):
            return AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.UNREADABLE)
        if reply.error == 0:
            return reply
        known = self._codes.get(reply.error)
        reason, kind = (Reason.CODE, known) if known else (Reason.UNKNOWN_CODE, OutcomeClass.REFUSED_PERMANENT)
        return AttemptOutcome(kind, reason=reason, error_code=reply.error, confirmed=known is not None)
