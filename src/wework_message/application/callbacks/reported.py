"""What logs and metrics learn of the callbacks that a batch has projected, each kind with the instance of its last."""

from collections.abc import Iterable, Mapping
from typing import Final

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.ids import Guid
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.ports.repositories import InboxEntry, InboxState, InboxVerdict

_ENDS: Final = frozenset(InboxState) - {InboxState.PENDING}


def report(
    scope: CommitScope,
    entries: Iterable[InboxEntry],
    verdicts: Iterable[InboxVerdict],
    results: Mapping[int, object],
    quarantined: Iterable[tuple[QuarantineReason, Guid]],
) -> None:
    """`results` are those of the entries that were judged, by their ids: a `Misfit` is one of them."""
    by_id = {entry.id: entry for entry in entries}
    for entry_id, result in results.items():
        if isinstance(result, Misfit):
            scope.misfits[result] += 1
            scope.guids[result] = by_id[entry_id].guid
    for reason, guid in quarantined:
        scope.quarantined[reason] += 1
        scope.guids[reason] = guid
    for verdict in verdicts:
        if verdict.state in _ENDS:
            entry = by_id[verdict.id]
            kind = entry.notify_type, verdict.state.lower()
            scope.callbacks[kind] += 1
            scope.guids[kind] = entry.guid
