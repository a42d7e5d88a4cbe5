"""Stream records that came before what they belong to was known: the end of the call, or the account's own user id."""

from collections.abc import Collection, Sequence

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.ids import AccountId, Guid, ProviderCode, ProviderKey
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.fitting import SKEW_MS


async def reopen(
    scope: CommitScope,
    *,
    named: Sequence[ProviderKey] = (),
    ended: Collection[Attempt] = (),
) -> None:
    """Reopen the unmatched records that wait for one of these ids, or came since one of these attempts began.

    `ended` are calls without a proof, and those for whose answer a record may wait whatever it is (`OpenCalls`).

    An attempt is not matched before its call has ended: an echo may be faster than the answer, and faster than the end
    of the lease of a process that died.
    """
    instances = {(attempt.provider_code, attempt.guid) for attempt in ended}
    if named or instances:
        since = min((attempt.started_at for attempt in ended), default=0) - SKEW_MS
        scope.inbox |= await scope.unit.inbox.reopen(named, sorted(instances), since=since) > 0


async def reconsider(scope: CommitScope, account_id: AccountId, instance: tuple[ProviderCode, Guid]) -> None:
    """The own user id of this account became known, or changed: what somebody else seemed to send may be its own.

    `instance` has shown it; the account may have it no more. Only an uncertain attempt can be settled by it; where there is none, nothing is reopened.
    """
    stored = (await scope.unit.accounts.accounts([account_id])).get(account_id)
    bindings = stored[1] if stored is not None else ()
    for provider_code, guid in {(binding.provider_code, binding.guid) for binding in bindings} | {instance}:
        uncertain = await scope.unit.messages.uncertain(provider_code, [guid])
        if uncertain:
            since = min(attempt.started_at for attempt in uncertain) - SKEW_MS
            scope.inbox |= await scope.unit.inbox.reopen([], [(provider_code, guid)], since=since) > 0
