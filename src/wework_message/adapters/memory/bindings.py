"""Queries over the bindings of a `MemoryDatabase`."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.account import Binding, Standby
from wework_message.domain.ids import AccountId, Guid, ProviderCode, TenantId
from wework_message.domain.page import MAX_WALKED
from wework_message.domain.ports.bindings import BindingCounts, BindingReader, LonePage


class MemoryBindingReader:
    """Of what is committed."""

    def __init__(self, database: MemoryDatabase, *, max_walked: int = MAX_WALKED) -> None:
        """Reads independently of units of work; a page looks at the accounts of `max_walked` bindings."""
        self._db = database
        self._max_walked = max_walked

    async def counts(self, provider_codes: Collection[ProviderCode]) -> Mapping[ProviderCode, BindingCounts]:
        self._db.check_available()
        enabled = Counter(binding.provider_code for binding in self._usable())
        lone = Counter(binding.provider_code for binding in self._lone(provider_codes))
        return {code: BindingCounts(count, lone[code]) for code, count in enabled.items()}

    async def occupied(self) -> Mapping[ProviderCode, int]:
        self._db.check_available()
        bound = [binding.provider_code for binding in self._db.bindings.committed_rows() if not binding.removed]
        return Counter(bound + [placement.provider_code for placement in self._db.placements.committed_rows()])

    async def without_sibling(
        self,
        tenant_id: TenantId,
        provider_code: ProviderCode,
        provider_codes: Collection[ProviderCode],
        *,
        limit: int,
        after: AccountId | None,
    ) -> LonePage:
        own = {row.account_id for row in self._db.accounts.committed_rows() if row.tenant_id == tenant_id}
        bindings = self._db.bindings.committed_rows()
        ids = sorted(binding.account_id for binding in bindings if binding.account_id in own)
        walked = [account_id for account_id in ids if after is None or account_id > after][: self._max_walked]
        lone = [binding for binding in self._lone(provider_codes) if binding.provider_code == provider_code]
        lone = [binding for binding in lone if binding.account_id in own]
        passing = [binding for binding in lone if walked and walked[0] <= binding.account_id <= walked[-1]]
        passing.sort(key=lambda binding: binding.account_id)
        if len(passing) > limit:
            return LonePage(passing[:limit], passing[limit - 1].account_id)
        return LonePage(passing, walked[-1] if len(walked) == self._max_walked else None)

    async def at_provider(self, provider_code: ProviderCode, *, limit: int, after: Guid | None) -> Sequence[Binding]:
        self._db.check_available()
        there = [
            binding
            for binding in self._usable()
            if binding.provider_code == provider_code and (after is None or binding.guid > after)
        ]
        return sorted(there, key=lambda binding: binding.guid)[:limit]

    def _usable(self) -> list[Binding]:
        return [binding for binding in self._db.bindings.committed_rows() if binding.enabled and not binding.removed]

    def _lone(self, provider_codes: Collection[ProviderCode]) -> list[Binding]:
        usable: dict[AccountId, list[Binding]] = defaultdict(list)
        for binding in self._usable():
            account = self._db.accounts.committed(binding.account_id)
            if (
                binding.standby is not Standby.COLD
                and binding.provider_code in provider_codes
                and account is not None
                and account.enabled
            ):
                usable[binding.account_id].append(binding)
        return [bindings[0] for bindings in usable.values() if len(bindings) == 1]


def _conforms(reader: MemoryBindingReader) -> BindingReader:
    return reader
