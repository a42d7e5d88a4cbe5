"""The vendor's calls about instances: their list, callback registration, read marks (P-5, P-8, P-9, P-11)."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import msgspec

from wework_message.adapters.guxing import outcomes
from wework_message.adapters.guxing.gateway import PROBE_MS, GuxingGateway
from wework_message.adapters.guxing.wire import Envelope, OfInstance, identifier, read_envelope, short_text
from wework_message.adapters.http import Answer
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import REFUSALS, OutcomeClass, Reason
from wework_message.domain.ports.instances import (
    InstanceAdmin,
    InstanceMaker,
    LoginCode,
    LoginVerifier,
    MadeInstance,
    Notify,
    SessionRestorer,
)


class _NotifyUrl(msgspec.Struct, frozen=True):
    """Request of `/client/set_notify_url`."""

    guid: str
    notify_url: str


class _NotifyFlags(msgspec.Struct, frozen=True):
    """Request of `/client/set_notify_msg_flag`."""

    guid: str
    contact_msg: bool
    contact_room_msg: bool
    self_msg: bool = True
    self_room_msg: bool = True
    room_white_list: tuple[str, ...] = ()


class _Restore(msgspec.Struct, frozen=True):
    """Request of `/client/restore_client`; some editions of its schema require `force_online`."""

    guid: str
    force_online: bool = False
    auto_start: bool = True
    sync_history_msg: bool = True


class _ShowCode(msgspec.Struct, frozen=True):
    """Request of `/login/get_login_qrcode`."""

    guid: str
    verify_login: bool = False


class _Verify(msgspec.Struct, frozen=True):
    """Request of `/login/verify_login_qrcode`."""

    guid: str
    code: str


class _OfConversation(msgspec.Struct, frozen=True):
    """Request of `/msg/report_unread`, which marks as read in spite of its name."""

    guid: str
    conversation_id: str


_MAX_CODE: Final = 2_048
"""Characters of a QR code's content: a QR code holds hardly more."""
_MAX_IMAGE: Final = 262_144
"""Characters of its image in base64; that of the vendor's sample has 57,572."""

_NO_GUID: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.NO_ID)
_NO_CODE: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.UNREADABLE)

_encode: Final = msgspec.json.Encoder().encode


class GuxingInstanceGateway(GuxingGateway):
    """A `MessageGateway` and `InstanceAdmin`; these calls use the connections of the probes."""

    async def log_in(self, guid: Guid) -> AttemptOutcome:
        """`/client/restore_client` starts a stopped instance; where it refuses, `/login/auto_login` opens its stored login."""
        restored = await self._order("/client/restore_client", _Restore(guid))
        if restored.kind not in REFUSALS:
            return restored
        return await self._order("/login/auto_login", OfInstance(guid))

    async def make_instance(self) -> MadeInstance:
        """`/client/create_client` with the vendor's defaults: client type, no proxy, no bridge. Its answer is not documented (P-8)."""
        answer = await self._post_rare("/client/create_client", b"{}", self._timeout_ms)
        outcome = self._outcome_of(answer)
        if outcome.kind is not OutcomeClass.ACCEPTED or isinstance(answer, AttemptOutcome):
            return MadeInstance(outcome)
        guid = _new_guid(read_envelope(answer.body))
        return MadeInstance(outcome, guid) if guid is not None else MadeInstance(_NO_GUID)

    async def login_code(self, guid: Guid) -> LoginCode:
        """Of `/login/get_login_qrcode`, whose answer is documented."""
        answer = await self._call("/login/get_login_qrcode", _ShowCode(guid))
        outcome = self._outcome_of(answer)
        if outcome.kind is not OutcomeClass.ACCEPTED or isinstance(answer, AttemptOutcome):
            return LoginCode(outcome)
        envelope = read_envelope(answer.body)
        fields = {} if envelope is None else envelope.fields
        content = short_text(fields.get("qrcode_content"), _MAX_CODE)
        return (
            LoginCode(outcome, content, short_text(fields.get("qrcode"), _MAX_IMAGE))
            if content
            else LoginCode(_NO_CODE)
        )

    async def verify_login(self, guid: Guid, code: str) -> AttemptOutcome:
        """`/login/verify_login_qrcode`; what the provider says about it is left out, as it may repeat the code."""
        outcome = await self._order("/login/verify_login_qrcode", _Verify(guid, code), self._timeout_ms)
        return dataclasses.replace(outcome, error_message=None)

    async def instances(self) -> Sequence[Guid] | None:
        """Of `/client/all_clients`, which answers with the bare array in `data`."""
        data = await self._ask("/client/all_clients", b"{}")
        if not isinstance(data, list):
            return None
        return sorted({Guid(guid) for entry in data if (guid := identifier(entry)) is not None})

    async def set_callback_url(self, guid: Guid, url: str) -> AttemptOutcome:
        return await self._order("/client/set_notify_url", _NotifyUrl(guid, url))

    async def set_notify(self, guid: Guid, notify: Notify) -> AttemptOutcome:
        others = notify is Notify.ALL
        return await self._order("/client/set_notify_msg_flag", _NotifyFlags(guid, others, others))

    async def mark_read(self, guid: Guid, conversation_id: str) -> AttemptOutcome:
        return await self._order("/msg/report_unread", _OfConversation(guid, conversation_id))

    async def _order(self, path: str, request: msgspec.Struct, timeout_ms: int = PROBE_MS) -> AttemptOutcome:
        return self._outcome_of(await self._call(path, request, timeout_ms))

    async def _call(self, path: str, request: msgspec.Struct, timeout_ms: int = PROBE_MS) -> Answer | AttemptOutcome:
        try:
            body = _encode(request)
        except ValueError:  # a lone surrogate: not an id of the vendor
            return AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE)
        return await self._post_rare(path, body, timeout_ms)

    def _outcome_of(self, answer: Answer | AttemptOutcome) -> AttemptOutcome:
        if isinstance(answer, AttemptOutcome):
            return answer
        return outcomes.of_recall(answer.status, answer.headers, answer.body, self._codes)


def _new_guid(envelope: Envelope | None) -> Guid | None:
    """The guid in the answer of `/client/create_client`: the field `guid` of `data`, or `data` itself (both assumed, P-8)."""
    if envelope is None:
        return None
    guid = identifier(envelope.fields.get("guid") if isinstance(envelope.data, dict) else envelope.data)
    return None if guid is None else Guid(guid)


def _conforms(gateway: GuxingInstanceGateway) -> tuple[InstanceAdmin, SessionRestorer, InstanceMaker, LoginVerifier]:
    return gateway, gateway, gateway, gateway
