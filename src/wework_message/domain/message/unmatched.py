"""Stream records that no message of ours knows: what they are stored as, and whether one of ours may still turn out to be theirs."""

from collections.abc import Collection

from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.message.matching import is_own
from wework_message.domain.message.projection import StreamRecord


def unmatched_state(stream_record: StreamRecord, own_user_id: str | None) -> InboxState:
    """PARKED for a message of the account's own, ORPHAN for all else. `own_user_id` is the account's; None = not known."""
    own = stream_record.kinds and is_own(stream_record, own_user_id)
    return InboxState.PARKED if own else InboxState.ORPHAN


def waits_for(stream_record: StreamRecord) -> ProviderMessageId | None:
    """The id that an attempt of ours must get for the record to be about it."""
    return stream_record.refers_to or stream_record.provider_message_id


def may_be_ours(
    stream_record: StreamRecord, own_user_id: str | None, admin_user_ids: Collection[str], *, siblings: bool
) -> bool:
    """Whether it would fit an attempt whose answer is being written now: what customers say cannot.

    Where the account has `siblings` of the instance, that answer may also be the one that shows who the account is there.
    """
    return siblings or own_user_id is None or stream_record.sender in {None, own_user_id, *admin_user_ids}


def is_received(stream_record: StreamRecord) -> bool:
    """Whether it is a message, and no change of one: clients are told where somebody else has sent it."""
    return bool(stream_record.kinds) and stream_record.refers_to is None
