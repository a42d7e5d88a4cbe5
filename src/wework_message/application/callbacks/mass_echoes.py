"""Recipients of mass sends that were accepted: no answer has told the ids of their messages, so echoes are matched by content (ADR 67)."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from wework_message.application.callbacks.evidence import Owner
from wework_message.domain.account import Binding
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.ports.repositories import UnitOfWork


async def accepted_recipients(
    unit: UnitOfWork,
    stream_record: StreamRecord,
    instance: tuple[ProviderCode, Guid],
    binding: Binding | None,
    own_user_id: str | None,
    without: Collection[Owner],
) -> Sequence[OpenAttempt]:
    """Those in the record's conversation, where it is a text; of the account that has the `binding`, and not those in `without`."""
    if binding is None or stream_record.text is None:
        return ()
    accepted = await unit.mass.accepted(*instance, binding.account_id, stream_record.conversations)
    return [
        replace(attempt, own_user_id=own_user_id)
        for attempt in accepted
        if (attempt.message_id, attempt.number) not in without
    ]
