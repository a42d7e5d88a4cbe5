"""Notices about an instance: what they say is believed only where nothing better is known (ADR 24)."""

from collections.abc import Callable

from wework_message.application.callbacks.early_echoes import reconsider
from wework_message.application.commit.scope import CommitScope
from wework_message.domain.account import Binding, contradicts
from wework_message.domain.inbox import is_news
from wework_message.domain.ports.gateway import CallbackItem, ClientState, NoticeKind
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.system import Clock
from wework_message.domain.presence import PresenceCause


class InstanceNotices:
    """Applies logins; a logout, and a login as somebody else, only make us ask the provider."""

    def __init__(self, board: HealthBoard, clock: Clock, ask_now: Callable[[], None]) -> None:
        """`ask_now` makes the prober probe at once."""
        self._board = board
        self._clock = clock
        self._ask_now = ask_now

    async def __call__(self, scope: CommitScope, item: CallbackItem, binding: Binding, received_at: int) -> None:
        """Apply one item about the instance of this binding; an item that says nothing about it has no effect.

        `received_at` (epoch ms): an old login is no news, so that one that is replayed wins over no newer logout, nor over
        a newer login as somebody else. Nor does one that is applied late, by a process that was slower. It only says who the account is where nothing else does.
        """
        if item.notice is NoticeKind.OTHER and item.wecom_user_id is None:
            return
        if item.notice is NoticeKind.OFFLINE or await self._contradicts_answers(scope, item, binding):
            self._ask(binding)
        elif is_news(received_at, self._clock.now()):
            # A later login there is applied after this one, or was stored before the next look.
            await scope.unit.accounts.lock(binding.account_id)
            if item.notice is NoticeKind.ONLINE:
                now = self._clock.now()
                await scope.observe(binding.binding_id, online=True, cause=PresenceCause.LOGIN, at=now)
                self._board.binding_state(binding.binding_id, ClientState.ONLINE, now)
            await _learn(scope, item, binding, received_at, is_news=True)
        else:
            await _learn(scope, item, binding, received_at, is_news=False)
            self._ask(binding)

    def _ask(self, binding: Binding) -> None:
        """Have the provider asked, at once, how the instance is."""
        self._board.ask(binding.provider_code, binding.binding_id, binding.guid)
        self._ask_now()

    async def _contradicts_answers(self, scope: CommitScope, item: CallbackItem, binding: Binding) -> bool:
        """Whether it names another own user id than accepted answers prove, at any instance of the account."""
        if item.wecom_user_id is None:
            return False
        stored = (await scope.unit.accounts.accounts([binding.account_id])).get(binding.account_id)
        proven = [
            await scope.unit.messages.accepted_sender(sibling.provider_code, sibling.guid)
            for sibling in (stored[1] if stored is not None else ())
        ]
        return contradicts(item.wecom_user_id, proven)


async def _learn(scope: CommitScope, item: CallbackItem, binding: Binding, received_at: int, *, is_news: bool) -> None:
    """Store who it says the account is; what is no news, or older than another one of its kind, only if nobody has said so.

    Another process may have applied the newer one already. A user id that is new may make evidence of records that were not.
    """
    if item.wecom_user_id is None:
        return
    is_last = is_news and not await scope.unit.inbox.has_newer(
        binding.provider_code, binding.guid, item.notify_type, received_at
    )
    learnt = await scope.unit.accounts.learn(binding.binding_id, item.wecom_user_id, only_if_unknown=not is_last)
    if learnt:
        await reconsider(scope, binding.account_id, (binding.provider_code, binding.guid))
