"""The vendor's calls about instances: their list, callback registration, read marks (P-5, P-8, P-9, P-11)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from wework_message.adapters.guxing import outcomes
from wework_message.adapters.guxing.gateway import PROBE_MS, GuxingGateway
from wework_message.adapters.guxing.wire import OfInstance, identifier
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import REFUSALS, OutcomeClass, Reason
from wework_message.domain.ports.instances import InstanceAdmin, Notify, SessionRestorer


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


class _OfConversation(msgspec.Struct, frozen=True):
    """Request of `/msg/report_unread`, which marks as read in spite of its name."""

    guid: str
    conversation_id: str


_encode: Final = msgspec.json.Encoder().encode


class GuxingInstanceGateway(GuxingGateway):
    """A `MessageGateway` and `InstanceAdmin`; these calls use the connections of the probes."""

    async def log_in(self, guid: Guid) -> AttemptOutcome:
        """`/client/restore_client` starts a stopped instance; where it refuses, `/login/auto_login` opens its stored login."""
        restored = await self._order("/client/restore_client", _Restore(guid))
        if restored.kind not in REFUSALS:
            return restored
        return await self._order("/login/auto_login", OfInstance(guid))

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

    async def _order(self, path: str, request: msgspec.Struct) -> AttemptOutcome:
        try:
            body = _encode(request)
        except ValueError:  # a lone surrogate: not an id of the vendor
            return AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE)
        answer = await self._post_rare(path, body, PROBE_MS)
        if isinstance(answer, AttemptOutcome):
            return answer
        return outcomes.of_recall(answer.status, answer.headers, answer.body, self._codes)


def _conforms(gateway: GuxingInstanceGateway) -> tuple[InstanceAdmin, SessionRestorer]:
    return gateway, gateway
