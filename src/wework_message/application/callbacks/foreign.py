"""Records of no message of ours are stored as what they are, where nothing stands in the way (ADR 68).

They are most of what comes: customers' messages, and those of the account's own phone. The projector would read each again, look up the
same things one by one, and write it a second time.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wework_message.application.callbacks.evidence import names_of
from wework_message.application.commit.scope import CommitScope
from wework_message.application.policy import Policy
from wework_message.domain.ids import Guid, ProviderCode, ProviderKey
from wework_message.domain.inbox import InboxState
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.message.unmatched import is_received, may_be_ours, unmatched_state, waits_for
from wework_message.domain.ports.gateway import CallbackItem, NoticeKind
from wework_message.domain.ports.inbox import Surroundings
from wework_message.domain.webhooks.event import message_received


@dataclass(frozen=True, slots=True)
class Arrived:
    """A record, from whom it came, and when (epoch ms)."""

    provider_code: ProviderCode
    stream_record: StreamRecord
    received_at: int


@dataclass(slots=True)
class Foreign:
    """What one transaction stores as foreign."""

    states: dict[int, InboxState] = field(default_factory=dict)
    """PARKED or ORPHAN by the place of the item; what is not here must wait for the projector, or is applied."""
    named: list[ProviderKey] = field(default_factory=list)
    """Ids that these records wait for, as far as they may be our own."""
    parked: set[tuple[ProviderCode, Guid]] = field(default_factory=set)
    """Instances whose own records are parked."""


class ForeignAtOnce:
    """The part of a transaction that says which of the records that it is about to store are foreign."""

    def __init__(self, policy: Policy) -> None:
        """`policy` has the configured user ids, and the admins."""
        self._wecom_user_ids = policy.wecom_user_ids
        self._admin_user_ids = policy.admin_user_ids

    async def __call__(
        self, scope: CommitScope, items: Mapping[int, tuple[ProviderCode, CallbackItem]], received_at: int
    ) -> Foreign:
        """`items` by their places. Events for clients are collected in `scope`."""
        foreign = Foreign()
        by_provider: dict[ProviderCode, dict[int, CallbackItem]] = defaultdict(dict)
        for place, (code, item) in items.items():
            if _is_only_a_record(item):
                by_provider[code][place] = item
        for code, candidates in by_provider.items():
            surroundings = await scope.unit.inbox.surroundings(code, list(candidates.values()))
            seen = set(surroundings.stored)
            for place, item in candidates.items():
                key = (item.guid, item.notify_type, item.event_key)
                if key not in seen and item.stream_record is not None:  # what comes again waits to be counted as such
                    self._judge(scope, foreign, place, Arrived(code, item.stream_record, received_at), surroundings)
                seen.add(key)
        return foreign

    def _judge(
        self, scope: CommitScope, foreign: Foreign, place: int, arrived: Arrived, surroundings: Surroundings
    ) -> None:
        code, stream_record = arrived.provider_code, arrived.stream_record
        instance = surroundings.instances.get(stream_record.guid)
        if instance is None or not surroundings.owned.isdisjoint(names_of(code, stream_record)):
            return
        own_user_id = self._wecom_user_ids.get(stream_record.guid, instance.own_user_id)
        state = unmatched_state(stream_record, own_user_id)
        if instance.awaits_echoes and (state is InboxState.PARKED or instance.moved):
            return
        if state is InboxState.ORPHAN and is_received(stream_record):
            event = message_received(instance.tenant_id, code, stream_record, arrived.received_at)
            if event.id is None:  # only the row says that it was told
                return
            scope.events.append(event)
        foreign.states[place] = state
        if state is InboxState.PARKED:
            foreign.parked.add((code, stream_record.guid))
        named = waits_for(stream_record)
        if named is not None and may_be_ours(
            stream_record, own_user_id, self._admin_user_ids, siblings=instance.siblings
        ):
            foreign.named.append((code, stream_record.guid, named))


def _is_only_a_record(item: CallbackItem) -> bool:
    says_more = item.notice is not NoticeKind.OTHER or item.wecom_user_id is not None
    return item.stream_record is not None and item.defect is None and not says_more


async def recheck(scope: CommitScope, foreign: Foreign) -> None:
    """Reopen foreign records, stored by now, whose attempt another process is writing at this moment.

    That process writes, and then looks for unmatched records (`early_echoes.reopen`). This one has stored unmatched
    records, and now looks for what the other wrote. So at least one of them sees the other, whichever commits first.
    """
    unit = scope.unit
    if unit.alone or not (foreign.named or foreign.parked):
        return
    written = await unit.messages.sent_as(foreign.named, latest=True)
    late = {
        instance: attempts
        for instance in sorted(foreign.parked)
        if (attempts := await unit.messages.uncertain(instance[0], [instance[1]], latest=True))
    }
    if written or late:
        since = min((attempt.started_at for attempts in late.values() for attempt in attempts), default=0) - SKEW_MS
        scope.inbox |= await unit.inbox.reopen(list(written), list(late), since=since) > 0


def foreign_items(
    arrived: Sequence[tuple[ProviderCode, CallbackItem]], applied: Sequence[object], limit: int
) -> Mapping[int, tuple[ProviderCode, CallbackItem]]:
    """Those among the first `limit` that no message knows, by their places."""
    return {place: arrived[place] for place in range(min(limit, len(arrived))) if applied[place] is None}
