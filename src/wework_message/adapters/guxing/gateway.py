"""The gateway to one Guxing provider: it sends requests and returns outcomes."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from wework_message.adapters.guxing import outcomes
from wework_message.adapters.guxing.payloads import build_request
from wework_message.adapters.guxing.wire import OfInstance, RevokeMessage, number, read_envelope
from wework_message.adapters.http import Answer, Timing, Transport, answer_or_outcome, is_success
from wework_message.domain.content import Content
from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import REFUSALS, OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, Dispatch, MessageGateway, Recall

PROBE_MS: Final = 5_000
"""Deadline of a read-only call, in ms."""

_MARKER: Final = "x-request-id"
"""Identifies the attempt in the ledger of the simulator; the vendor ignores it, and we never read it."""
JSON: Final = ("content-type", "application/json")
_STATES: Final = {0: ClientState.OFFLINE, 1: ClientState.OFFLINE, 2: ClientState.ONLINE}
"""`data.status`: stopped, running, online (P-8)."""
_PREFIX_LENGTH: Final = 16
"""A provider's text that contains so many first characters of a content repeats the content."""
_MIN_TEXT_BYTES: Final = 4
"""Shorter texts prove nothing: they occur in any sentence."""

_encode: Final = msgspec.json.Encoder().encode


class GuxingGateway:
    """A `MessageGateway` over the vendor's HTTP API: one request per call, its outcome by `outcomes`."""

    def __init__(
        self,
        transport: Transport,
        *,
        probe_transport: Transport | None = None,
        timeout_ms: int = 30_000,
        connect_ms: int = 2_000,
        outcome_codes: Mapping[str, OutcomeClass] | None = None,
        expired_codes: frozenset[int] = frozenset(),
    ) -> None:
        """The transports belong to the caller, who closes them.

        Args:
            transport: connects to the base URL of one provider.
            probe_transport: the same, for read-only calls (default: `transport`). A slow probe on a connection for sends
                could delay an intent beyond the time within which its first byte must leave.
            timeout_ms: total deadline of a send or recall, from the wait for a connection to the last byte (D-39).
            connect_ms: DNS, TCP and TLS together.
            outcome_codes: codes of the provider, which override the built-in ones (D-43).
            expired_codes: codes of the provider that mean, whatever else they mean, that it does not know a file any more.

        Raises `ValueError` for a deadline that is not above 0, and for an impossible outcome of a code.
        """
        Timing(timeout_ms, connect_ms)
        self._transport = transport
        self._probe_transport = probe_transport or transport
        self._timeout_ms = timeout_ms
        self._connect_ms = connect_ms
        self._codes = outcomes.outcome_codes({} if outcome_codes is None else outcome_codes)
        self._expired_codes = expired_codes

    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        try:
            path, body = build_request(dispatch)
            mark = marker(f"{dispatch.message_id}.{dispatch.attempt}")
        except Exception:  # noqa: BLE001 -- any content: no byte has left, and a gateway never raises
            return AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE)
        timing = Timing(self._timeout_ms, self._connect_ms, dispatch.write_before_boot_ms)
        answer = await answer_or_outcome(self._transport, path, body, timing, JSON, mark)
        if isinstance(answer, AttemptOutcome):
            return answer
        outcome = self._or_expired(outcomes.of_send(answer.status, answer.headers, answer.body, self._codes))
        return outcome if outcome.error_message is None else without_content(outcome, dispatch.content)

    async def recall(self, recall: Recall) -> AttemptOutcome:
        try:
            body = _encode(RevokeMessage(recall.guid, recall.conversation_id, recall.provider_message_id))
            mark = marker(f"{recall.message_id}.recall")
        except Exception:  # noqa: BLE001 -- no byte has left, and a gateway never raises
            return AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE)
        timing = Timing(self._timeout_ms, self._connect_ms, recall.write_before_boot_ms)
        answer = await answer_or_outcome(self._transport, "/msg/revoke_msg", body, timing, JSON, mark)
        if isinstance(answer, AttemptOutcome):
            return answer
        return outcomes.of_recall(answer.status, answer.headers, answer.body, self._codes)

    async def probe(self) -> bool:
        """Whether `/client/all_clients` returns an answer in the vendor's form."""
        return await self._ask("/client/all_clients", b"{}") is not None

    async def client_state(self, guid: Guid) -> ClientState:
        """The connection of an instance. Status 0 may be a mere reconnect: the caller debounces it (P-8)."""
        try:
            body = _encode(OfInstance(guid))
        except ValueError:  # a lone surrogate: not an id of the vendor
            return ClientState.UNKNOWN
        data = await self._ask("/client/get_client_status", body)
        status = number(data.get("status")) if isinstance(data, dict) else None
        return ClientState.UNKNOWN if status is None else _STATES.get(status, ClientState.UNKNOWN)

    def _or_expired(self, outcome: AttemptOutcome) -> AttemptOutcome:
        """The outcome, or NOT_SENT where the provider refused a file that it does not know any more."""
        if outcome.kind not in REFUSALS or outcome.error_code not in self._expired_codes:
            return outcome
        return dataclasses.replace(
            outcome, kind=OutcomeClass.NOT_SENT, reason=Reason.MEDIA_EXPIRED, confirmed=True, retry_after_ms=None
        )

    async def _post_rare(self, path: str, body: bytes, timeout_ms: int) -> Answer | AttemptOutcome:
        """A call that is no send, on the connections of the probes."""
        return await answer_or_outcome(self._probe_transport, path, body, Timing(timeout_ms, self._connect_ms), JSON)

    async def _ask(self, path: str, body: bytes) -> Any:
        """`data` of a read-only call; {} for a refusal in the vendor's form, None for anything else."""
        answer = await self._post_rare(path, body, PROBE_MS)
        if isinstance(answer, AttemptOutcome) or not is_success(answer.status):
            return None
        envelope = read_envelope(answer.body)
        if envelope is None:
            return None
        return {} if envelope.refused or envelope.data is None else envelope.data


def marker(value: str) -> tuple[str, str]:
    """The header that identifies an attempt. Raises `ValueError` where it cannot be one."""
    if not (value.isascii() and value.isprintable()):
        raise ValueError("a marker is printable ASCII")
    return _MARKER, value


def without_content(outcome: AttemptOutcome, content: Content | MassContent) -> AttemptOutcome:
    """The outcome without a provider's text that repeats the content: no log may show it."""
    error_message = outcome.error_message or ""
    texts = [text for text in _texts(msgspec.to_builtins(content)) if len(text.encode()) >= _MIN_TEXT_BYTES]
    if any(text[:_PREFIX_LENGTH] in error_message for text in texts):
        return dataclasses.replace(outcome, error_message=None)
    return outcome


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for element in value:
            yield from _texts(element)
    elif isinstance(value, dict):
        for name, field in value.items():
            if name != "messageType":
                yield from _texts(field)


def _conforms(gateway: GuxingGateway) -> MessageGateway:
    return gateway
