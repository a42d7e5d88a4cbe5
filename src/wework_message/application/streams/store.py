"""Store what a pull brought: its records as callbacks are stored, and how far the stream is read, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.callbacks.at_once import ApplyAtOnce
from wework_message.application.callbacks.ingest import Arrival, StoreCallbacks
from wework_message.application.callbacks.own_user_ids import OwnUserIds
from wework_message.application.commit.scope import CommitScope
from wework_message.application.policy import Policy
from wework_message.application.streams.current import is_current
from wework_message.domain.account import Binding
from wework_message.domain.message.projection import FactKind
from wework_message.domain.ports.gateway import MAX_CALLBACK_RECORDS, CallbackItem
from wework_message.domain.ports.instances import Notify
from wework_message.domain.ports.streams import PulledPage
from wework_message.domain.stream import StreamPosition, StreamSupport, is_of_others

ANY_FOREIGN_IDS: Final = 2 * MAX_CALLBACK_RECORDS
"""For `StoreCallbacks`: what a provider answers us may name any number of ids that are none of ours. Nobody guesses them."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """One pull that has ended."""

    binding: Binding
    position: StreamPosition
    """Where it began."""
    page: PulledPage
    began_at: int
    """Epoch ms."""


@dataclass(frozen=True, slots=True)
class StoredPull:
    """What was new in it."""

    new: int
    known: int
    advanced: bool = False
    """Whether the next pull goes on behind it."""


class StorePulled:
    """The transaction's part of a pull."""

    def __init__(self, store: StoreCallbacks, echoed: ApplyAtOnce, policy: Policy) -> None:
        """`store` is the one way into the inbox, `echoed` knows our messages; `policy` says whether those of others were asked for."""
        self._store = store
        self._echoed = echoed
        self._policy = policy

    async def __call__(self, scope: CommitScope, items: Sequence[Pulled], /) -> Sequence[StoredPull | Exception]:
        """`UnavailableError` where the inbox has no room: the next pull begins where this one did."""
        return [await self._store_page(scope, item) for item in items]

    async def _store_page(self, scope: CommitScope, pulled: Pulled) -> StoredPull | Exception:
        binding, page = pulled.binding, pulled.page
        items = await self._asked_for(scope, binding, page.items)
        known = await scope.unit.inbox.known(binding.provider_code, items, page.notify_types)
        new = tuple(item for item in items if item.event_key not in known)
        if new and (refused := await self._refusal(scope, binding, new)) is not None:
            return refused
        advanced = await self._advance(scope, pulled)
        return StoredPull(len(new), len(items) - len(new), advanced)

    async def _asked_for(
        self, scope: CommitScope, binding: Binding, items: tuple[CallbackItem, ...]
    ) -> tuple[CallbackItem, ...]:
        """Where callbacks are asked for own messages only, those of others are not stored by a pull either.

        Only an own user id that an accepted answer of this instance proves, and that is the account's, is sure enough to leave
        anything out: a record that is missing may be the doubt that keeps a message from being sent twice.
        """
        instances = self._policy.instances.get(binding.provider_code)
        if instances is None or instances.notify is not Notify.OWN or not items:
            return items
        proven = await scope.unit.messages.accepted_sender(binding.provider_code, binding.guid)
        stored = await OwnUserIds(scope.unit.accounts, {}).of(binding.account_id, binding.guid)
        if proven is None or proven != stored:
            return items
        configured = self._policy.wecom_user_ids.get(binding.guid, proven)
        ours = {proven, configured, *self._policy.admin_user_ids}
        return tuple(item for item in items if item.stream_record is None or not is_of_others(item.stream_record, ours))

    async def _refusal(self, scope: CommitScope, binding: Binding, items: tuple[CallbackItem, ...]) -> Exception | None:
        (refused,) = await self._store(scope, [Arrival(binding.provider_code, items)])
        return refused

    async def _advance(self, scope: CommitScope, pulled: Pulled) -> bool:
        """From what is stored now: where another process has pulled meanwhile, its place stays.

        A binding that has moved, or was switched, since the pull began has another stream, or a gap: nobody knows of which of
        both this page is.
        """
        binding, streams = pulled.binding, scope.unit.streams
        if not await is_current(scope.unit.accounts, binding.provider_code, binding.guid, pulled.position):
            return False
        stored = await streams.position(binding.provider_code, binding.guid)
        base = (stored.now_of(binding) if stored is not None else None) or pulled.position
        if base.cursor != pulled.position.cursor:
            return False
        position = base.after(pulled.page.end, await self._sent(scope, pulled), began_at=pulled.began_at)
        await streams.save(binding.provider_code, binding.guid, position)
        return True

    async def _sent(self, scope: CommitScope, pulled: Pulled) -> Sequence[int | None]:
        """When the messages of ours were sent that are in it, by the provider's clock; looked for only where an absence may count.

        A stream that shows what others write, or our messages in a way that no echo would have, proves nothing about ours.
        """
        provider_code = pulled.binding.provider_code
        if self._policy.providers[provider_code].sync is not StreamSupport.COMPLETE:
            return ()
        items = [(provider_code, item) for item in pulled.page.items]
        fitting = await self._echoed.fitting(scope, items, pulled.began_at)
        records = [items[place][1].stream_record for place in fitting]
        return [record.sent_at for record in records if record is not None and record.kinds == {FactKind.ECHO}]
