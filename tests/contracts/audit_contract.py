"""What every AuditRepository and AuditReader do. Subclasses provide `units`, `clock` and `audit`."""

import dataclasses

from tests.support.builders.audit import an_entry
from tests.support.builders.messages import DAY_MS, NOW

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.access.principal import PrincipalKind
from wework_message.domain.audit import MAX_FIELDS, MAX_TARGET, AuditAction, AuditEntry, AuditFilter, AuditOutcome
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.domain.ports.audit import AuditReader
from wework_message.domain.ports.maintenance import START, Pruned
from wework_message.domain.ports.repositories import UnitOfWorkFactory

ALL = AuditFilter()


async def _append(units: UnitOfWorkFactory, *entries: AuditEntry) -> None:
    async with units() as unit:
        await unit.audit.append(entries)
        await unit.commit()


async def _read(audit: AuditReader, filters: AuditFilter = ALL, limit: int = 10) -> list[AuditEntry]:
    return list(await audit.audit_entries(DEFAULT_TENANT, filters, limit=limit, before=None))


class AuditContract:
    async def test_entries_are_read_as_they_were_added_the_newest_first(
        self, units: UnitOfWorkFactory, audit: AuditReader
    ) -> None:
        whole = an_entry(
            actor_kind=PrincipalKind.TOKEN, actor_id="消" * 255, target="🙂" * MAX_TARGET, request_id="~" * 128,
            address="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", outcome=AuditOutcome.REFUSED, status=404, count=7,
            fields=tuple(f"field{number}" for number in range(MAX_FIELDS)),
        )  # fmt: skip
        await _append(units, whole)
        await _append(units, an_entry(), an_entry(action="what.a.later.version.does"))
        await _append(units)
        stored = await _read(audit)
        assert [dataclasses.replace(entry, seq=0) for entry in stored] == [
            an_entry(action="what.a.later.version.does"), an_entry(), whole,
        ]  # fmt: skip
        assert 0 < stored[2].seq < stored[1].seq < stored[0].seq

    async def test_what_is_not_committed_is_not_there(self, units: UnitOfWorkFactory, audit: AuditReader) -> None:
        async with units() as unit:
            await unit.audit.append([an_entry()])
        assert await _read(audit) == []

    async def test_a_page_goes_on_behind_the_last_entry_of_the_one_before(
        self, units: UnitOfWorkFactory, audit: AuditReader
    ) -> None:
        await _append(units, *(an_entry(at=NOW + number) for number in range(5)))
        first = await _read(audit, limit=2)
        assert [entry.at for entry in first] == [NOW + 4, NOW + 3]
        second = await audit.audit_entries(DEFAULT_TENANT, ALL, limit=9, before=first[-1].seq)
        assert [entry.at for entry in second] == [NOW + 2, NOW + 1, NOW]

    async def test_a_tenant_has_a_trail_of_its_own(self, units: UnitOfWorkFactory, audit: AuditReader) -> None:
        await _append(units, an_entry(tenant_id=TenantId("other"), target="a"), an_entry(target="a"))
        (other,) = await audit.audit_entries(TenantId("other"), AuditFilter(target="a"), limit=9, before=None)
        assert other.tenant_id == "other"
        assert [entry.tenant_id for entry in await _read(audit)] == [DEFAULT_TENANT]

    async def test_filters_take_what_they_name(self, units: UnitOfWorkFactory, audit: AuditReader) -> None:
        entries = [
            an_entry(action=AuditAction.KEY_REVOKE, at=NOW + 1),
            an_entry(target="account-b", at=NOW + 2),
            an_entry(actor_id="another", at=NOW + 3),
        ]
        await _append(units, *entries)
        for filters in (
            ALL, AuditFilter(action=AuditAction.KEY_REVOKE), AuditFilter(target="account-b"),
            AuditFilter(actor_id="another"), AuditFilter(since=NOW + 2), AuditFilter(until=NOW + 2),
            AuditFilter(since=NOW + 2, until=NOW + 3), AuditFilter(target="Account-B"),
            AuditFilter(AuditAction.KEY_REVOKE, "another"),
        ):  # fmt: skip
            assert {entry.at for entry in await _read(audit, filters)} == {
                entry.at for entry in entries if filters.takes(entry)
            }, filters

    async def test_what_is_old_is_deleted_step_by_step(
        self, units: UnitOfWorkFactory, audit: AuditReader, clock: SettableClock
    ) -> None:
        await _append(units, *(an_entry(at=NOW + number) for number in range(3)), an_entry(at=NOW + DAY_MS))
        clock.advance(DAY_MS + 3)
        assert (first := await self._prune(units, START)).deleted == 2
        assert first.after is not None
        assert await self._prune(units, first.after) == Pruned(1, None)
        assert await self._prune(units, START) == Pruned(0, None)
        assert [entry.at for entry in await _read(audit)] == [NOW + DAY_MS]

    async def test_a_place_is_never_used_again(
        self, units: UnitOfWorkFactory, audit: AuditReader, clock: SettableClock
    ) -> None:
        await _append(units, an_entry())
        (deleted,) = await _read(audit)
        clock.advance(DAY_MS + 1)
        await self._prune(units, START)
        await _append(units, an_entry())
        (entry,) = await _read(audit)
        assert entry.seq > deleted.seq

    async def _prune(self, units: UnitOfWorkFactory, after: str) -> Pruned:
        async with units() as unit:
            pruned = await unit.pruning.audit(older_than_ms=DAY_MS, limit=2, after=after)
            await unit.commit()
        return pruned
