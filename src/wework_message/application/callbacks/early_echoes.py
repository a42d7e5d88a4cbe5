"""Stream records that came before the end of the call to which they belong."""

from collections.abc import Collection, Sequence

from wework_message.application.commit.group_commit import CommitScope
from wework_message.domain.ids import Guid, ProviderCode, ProviderMessageId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.fitting import SKEW_MS


async def reopen(
    scope: CommitScope,
    *,
    named: Sequence[tuple[ProviderCode, Guid, ProviderMessageId]] = (),
    unproven: Collection[Attempt] = (),
) -> None:
    """Reopen the unmatched records that wait for one of these ids, or came since one of these attempts began.

    An attempt is not matched before its call has ended: an echo may be faster than the answer, and faster than the end
    of the lease of a process that died.
    """
    instances = {(attempt.provider_code, attempt.guid) for attempt in unproven}
    if named or instances:
        since = min((attempt.started_at for attempt in unproven), default=0) - SKEW_MS
        scope.inbox |= await scope.unit.inbox.reopen(named, sorted(instances), since=since) > 0
