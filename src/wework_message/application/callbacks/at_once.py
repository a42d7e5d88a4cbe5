"""Echoes are applied in the transaction that stores them, where nothing stands in the way (ADR 34).

The projector's work is then done before the provider has its answer: the row is stored as APPLIED, and neither read nor
changed again. Everything that needs more than the messages whose ids the records name waits for the projector.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from wework_message.application.callbacks.evidence import ApplyEvidence, Fact, names_of
from wework_message.application.callbacks.own_user_ids import OwnUserIds
from wework_message.application.commit.group_commit import CommitScope
from wework_message.application.policy import Policy
from wework_message.domain.ids import MessageId, ProviderCode
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.system import Clock

MAX_AT_ONCE: Final = 200
"""Records that one transaction applies while it stores them: what others commit with it must not wait for more."""


class ApplyAtOnce:
    """The part of a transaction that applies what it is about to store."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        """`policy` has H, the admins, and the configured user ids."""
        self._wecom_user_ids = policy.wecom_user_ids
        self._evidence = ApplyEvidence(policy, clock)

    async def __call__(
        self, scope: CommitScope, items: Sequence[tuple[ProviderCode, CallbackItem]], received_at: int
    ) -> Sequence[MessageId | None]:
        """For each item the message that knows it now; None where it must wait for the projector."""
        names = [
            [] if item.stream_record is None else names_of(code, item.stream_record)
            for code, item in items[:MAX_AT_ONCE]
        ]
        owners = await scope.unit.messages.sent_as(list(chain.from_iterable(names))) if any(names) else {}
        facts: dict[int, Fact] = {}
        for place, keys in enumerate(names):
            own = tuple([owners[key] for key in keys if key in owners])
            stream_record = items[place][1].stream_record
            if own and stream_record is not None:
                facts[place] = Fact(stream_record, own, received_at)
        applied: list[MessageId | None] = [None] * len(items)
        if facts:
            own_user_ids = OwnUserIds(scope.unit.accounts, self._wecom_user_ids)
            results = await self._evidence.at_once(scope, list(facts.values()), own_user_ids)
            for place, message_id in zip(facts, results, strict=True):
                applied[place] = message_id
        return applied
