"""Lists about accounts, failed messages, replays, pauses and pools as questions of the growth table, and the rows that they need."""

from collections.abc import Awaitable, Callable
from typing import Final

from bench import fill as filling
from tests.support.builders.messages import GUID, NOW, PROVIDER

from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.repositories.account_reader import SqlAccountReader
from wework_message.adapters.sql.repositories.bindings import SqlBindingReader
from wework_message.adapters.sql.repositories.dead_letters import SqlDeadLetterReader
from wework_message.adapters.sql.repositories.failed_messages import SqlFailedMessageReader
from wework_message.adapters.sql.repositories.pauses import SqlPauseReader
from wework_message.adapters.sql.repositories.replays import SqlReplayReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.domain.account import implicit_account_id
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.failed_messages import FailureFilter
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, ProviderCode, ReplayId
from wework_message.domain.outcomes import FailureReason
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.accounts import AccountFilter
from wework_message.domain.ports.dead_letters import DeadLetter, DeadLetterSource
from wework_message.domain.replay import Replay, ReplayState, Selection

NOBODY: Final = "nobody"
FEW: Final = 1_000
"""One replay, dead letter and paused batch for so many messages."""
CHUNK: Final = 500
"""Rows of one transaction."""

Ask = Callable[[], Awaitable[object]]


async def fill_lists(units: SqlUnitOfWorkFactory, total: int) -> None:
    """What grows with the messages: conversations of pools, and in small part replays, dead letters and paused batches."""
    conversations = [filling.conversation(number, total) for number in range(total // filling.IN_CONVERSATION)]
    for first in range(0, len(conversations), CHUNK):
        async with units() as unit:
            await unit.accounts.choose(
                [PoolChoice(DEFAULT_TENANT, filling.POOL, name, _account(2, total)) for name in conversations[first : first + CHUNK]],
                now=NOW,
            )  # fmt: skip
            await unit.commit()
    async with units() as unit:
        for number in range(1, total // FEW + 1):
            await unit.replays.add(_replay(number), ())
            await unit.dead_letters.keep([_letter(number)])
            await unit.pauses.pause(Pause(PauseScope.BATCH, f"b-{number}", NOW))
        await unit.commit()


def account_questions(store: Store, total: int) -> dict[str, Ask]:
    """By name; pages are of 50, but for what a process reads as a whole."""
    accounts, bindings = SqlAccountReader(store.read, store.search), SqlBindingReader(store.read, store.search)
    failed, replays = SqlFailedMessageReader(store.search), SqlReplayReader(store.read)
    pauses, letters = SqlPauseReader(store.read), SqlDeadLetterReader(store.read)
    middle = filling.message_id(total // 2)

    def listed(**narrowed: object) -> Ask:
        which = AccountFilter(**narrowed)  # type: ignore[arg-type]  # names of its fields
        return lambda: accounts.page(DEFAULT_TENANT, which, limit=50, after=None)

    def failures(**narrowed: object) -> Ask:
        which = FailureFilter(**narrowed)  # type: ignore[arg-type]  # names of its fields
        return lambda: failed.page(DEFAULT_TENANT, which, limit=50, before=None)

    return {
        "accounts: registered ones": listed(),
        "accounts: all": listed(include_implicit=True),
        "accounts: of a guid": listed(guid=filling.guid(2, total)),
        "accounts: guid of nobody": listed(guid=Guid(NOBODY)),
        "accounts: of a provider": listed(provider_code=PROVIDER),
        "accounts: provider of nobody": listed(provider_code=ProviderCode(NOBODY)),
        "accounts: of a pool": listed(pool=filling.POOL),
        "accounts: disabled, none is": listed(enabled=False),
        "accounts: one": lambda: accounts.account(DEFAULT_TENANT, _account(2, total)),
        "accounts: members of a pool": lambda: accounts.members(DEFAULT_TENANT, filling.POOL, limit=50),
        "pools: who has a conversation": lambda: accounts.chosen(
            DEFAULT_TENANT, filling.POOL, filling.conversation(7, total)
        ),
        "pools: a conversation of nobody": lambda: accounts.chosen(DEFAULT_TENANT, filling.POOL, NOBODY),
        "instances of a provider": lambda: bindings.at_provider(PROVIDER, limit=50, after=None),
        "accounts without sibling": lambda: bindings.without_sibling(
            DEFAULT_TENANT, PROVIDER, [PROVIDER], limit=50, after=None
        ),
        "failed: all": failures(),
        "failed: a cause": failures(cause=FailureReason.POISON),
        "failed: a cause none has": failures(cause=FailureReason.REFUSED_CAPABILITY),
        "failed: account of nobody": failures(account_id=NOBODY),
        "failed: by cause": lambda: failed.groups(DEFAULT_TENANT, FailureFilter(), before=None),
        "failed: counted for a replay": lambda: failed.count(
            DEFAULT_TENANT, Selection(FailureFilter(cause=FailureReason.POISON)), after=middle, until=ReplayId("f")
        ),
        "replays": lambda: replays.replays(DEFAULT_TENANT, limit=50, before=None),
        "replays: active ones, none is": lambda: replays.active(limit=50),
        "dead letters": lambda: letters.dead_letters(DEFAULT_TENANT, DeadLetterSource.INTAKE, limit=50, before=None),
        PAUSES: pauses.pauses,
    }


PAUSES: Final = "pauses, all"
"""Every process reads all of them, and operators make them: there are as many as batches that are paused."""


def _account(number: int, total: int) -> AccountId:
    return implicit_account_id(filling.guid(number, total))


def _replay(number: int) -> Replay:
    return Replay(
        id=ReplayId(f"r-{number:08}"), tenant_id=DEFAULT_TENANT, selection=Selection(FailureFilter(cause=FailureReason.POISON)),
        rate_milli=1_000, dry_run=False, created_at=NOW, state=ReplayState.DONE, finished_at=NOW,
    )  # fmt: skip


def _letter(number: int) -> DeadLetter:
    return DeadLetter(
        source=DeadLetterSource.INTAKE, source_id=str(number), message_id=f"m-{number}", tenant_id=DEFAULT_TENANT,
        reason="VALIDATION_FAILED", faults=(), key=GUID, body=b"{}", deliveries=1, received_at=NOW,
    )  # fmt: skip
