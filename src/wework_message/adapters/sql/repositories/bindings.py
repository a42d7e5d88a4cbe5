"""Queries over the bindings of all accounts on SQL."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Select, false, func, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.mapping.account_rows import binding_of
from wework_message.adapters.sql.mapping.tables import account, binding
from wework_message.adapters.sql.repositories.placements import open_placements
from wework_message.domain.account import Binding, Standby
from wework_message.domain.ids import AccountId, Guid, ProviderCode, TenantId
from wework_message.domain.page import MAX_WALKED
from wework_message.domain.ports.bindings import BindingCounts, BindingReader, LonePage

_USABLE: Final = (binding.c.enabled, binding.c.removed == false())


class SqlBindingReader:
    """Of what is committed."""

    def __init__(self, run: Run, search: Run, *, max_walked: int = MAX_WALKED) -> None:
        """`run` and `search` are those of a `Store`: what reads every binding searches; a page looks at `max_walked` of them."""
        self._run = run
        self._search = search
        self._max_walked = max_walked

    async def counts(self, provider_codes: Collection[ProviderCode]) -> Mapping[ProviderCode, BindingCounts]:
        """Two statements, each over an index."""
        return await self._search(_counts, provider_codes)

    async def occupied(self) -> Mapping[ProviderCode, int]:
        """Two statements: every binding, and the few open placements."""
        return await self._search(_occupied)

    async def without_sibling(
        self,
        tenant_id: TenantId,
        provider_code: ProviderCode,
        provider_codes: Collection[ProviderCode],
        *,
        limit: int,
        after: AccountId | None,
    ) -> LonePage:
        """Along the index by account; accounts with siblings are read, too."""
        return await self._search(
            _without_sibling, tenant_id, provider_code, provider_codes, limit, after, self._max_walked
        )

    async def at_provider(self, provider_code: ProviderCode, *, limit: int, after: Guid | None) -> Sequence[Binding]:
        """Along the unique index."""
        return await self._run(_at_provider, provider_code, limit, after)


def _counts(connection: Connection, provider_codes: Collection[ProviderCode]) -> Mapping[ProviderCode, BindingCounts]:
    lone = _lone(provider_codes).subquery()
    by_code = select(lone.c.provider_code, func.count().label("accounts")).group_by(lone.c.provider_code)
    without = {row.provider_code: row.accounts for row in connection.execute(by_code)}
    enabled = select(binding.c.provider_code, func.count()).where(*_USABLE).group_by(binding.c.provider_code)
    return {
        ProviderCode(code): BindingCounts(count, without.get(code, 0)) for code, count in connection.execute(enabled)
    }


def _occupied(connection: Connection) -> Mapping[ProviderCode, int]:
    bound = select(binding.c.provider_code, func.count()).where(binding.c.removed == false())
    counts: Counter[ProviderCode] = Counter()
    for code, count in connection.execute(bound.group_by(binding.c.provider_code)):
        counts[ProviderCode(code)] += count
    counts.update(open_placement.provider_code for open_placement in open_placements(connection))
    return counts


def lone_bindings(
    connection: Connection, provider_codes: Collection[ProviderCode], shown: int
) -> tuple[int, list[str]]:
    """How many accounts have no sibling, and the first `shown` of them by id."""
    lone = _lone(provider_codes)
    count = connection.execute(select(func.count()).select_from(lone.subquery())).scalar_one()
    first = connection.execute(lone.order_by(binding.c.account_id).limit(shown))
    return count, [row.account_id for row in first]


def _without_sibling(
    connection: Connection,
    tenant_id: TenantId,
    provider_code: ProviderCode,
    provider_codes: Collection[ProviderCode],
    limit: int,
    after: AccountId | None,
    max_walked: int,
) -> LonePage:
    walked = select(binding.c.account_id).where(binding.c.tenant_id == tenant_id).order_by(binding.c.account_id)
    lone = _lone(provider_codes).having(func.min(binding.c.provider_code) == provider_code)
    lone = lone.where(binding.c.tenant_id == tenant_id)
    # The bounds of both tables: MariaDB might read the accounts first, and all of them.
    if after is not None:
        walked = walked.where(binding.c.account_id > after)
        lone = lone.where(binding.c.account_id > after, account.c.account_id > after)
    reached = connection.execute(walked.offset(max_walked - 1).limit(1)).scalar()
    if reached is not None:
        lone = lone.where(binding.c.account_id <= reached, account.c.account_id <= reached)
    lone_rows = connection.execute(lone.order_by(binding.c.account_id).limit(limit + 1)).all()
    shown = lone_rows[:limit]
    following = shown[-1].account_id if len(lone_rows) > limit else reached
    ids = [row.binding_id for row in shown]
    page = connection.execute(select(binding).where(binding.c.binding_id.in_(ids)).order_by(binding.c.account_id))
    return LonePage([binding_of(row) for row in page.mappings()], None if following is None else AccountId(following))


def _lone(provider_codes: Collection[ProviderCode]) -> Select[tuple[str, str, str]]:
    """The only usable binding of each account that has one: of one row, the smallest is the only one."""
    return (
        select(
            binding.c.account_id,
            func.min(binding.c.binding_id).label("binding_id"),
            func.min(binding.c.provider_code).label("provider_code"),
        )
        .join(account, account.c.account_id == binding.c.account_id)
        .where(
            *_USABLE,
            account.c.enabled,
            binding.c.standby != Standby.COLD.value,
            # Not by the index of the column, which would read all of a provider's bindings for one page.
            (binding.c.provider_code + "").in_(list(provider_codes)),
        )
        .group_by(binding.c.account_id)
        .having(func.count() == 1)
    )


def _at_provider(
    connection: Connection, provider_code: ProviderCode, limit: int, after: Guid | None
) -> Sequence[Binding]:
    statement = select(binding).where(binding.c.provider_code == provider_code, *_USABLE)
    if after is not None:
        statement = statement.where(binding.c.guid > after)
    page = connection.execute(statement.order_by(binding.c.guid).limit(limit))
    return [binding_of(row) for row in page.mappings()]


def _conforms(reader: SqlBindingReader) -> BindingReader:
    return reader
