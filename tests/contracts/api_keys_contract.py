"""What every ApiKeyRepository, TenantRepository and ApiKeyReader do. Subclasses provide `units`, `api_keys` and `clock`."""

import itertools

import pytest
from tests.support.builders.api_keys import ACME, a_tenant, an_api_key, unguessable
from tests.support.builders.messages import NOW

from wework_message.adapters.memory.system import SettableClock
from wework_message.application.access.directory import LOOK_MS, KeyDirectory
from wework_message.application.access.keys import CreateKey, KeyRegistry, RotateKey
from wework_message.application.access.tenants import TenantRegistry
from wework_message.domain.access.api_keys import ApiKey
from wework_message.domain.access.principal import OPEN_PRINCIPAL
from wework_message.domain.access.scopes import ALL_SCOPES, Scope
from wework_message.domain.access.tenants import Tenant
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.domain.ports.api_keys import ApiKeyReader, KeySnapshot, KeyStamp
from wework_message.domain.ports.repositories import UnitOfWorkFactory

DEFAULT = Tenant(DEFAULT_TENANT, DEFAULT_TENANT, created_at=0)
MANY = 600
"""More keys than one statement takes."""


class ApiKeysContract:
    async def add(self, units: UnitOfWorkFactory, *keys: ApiKey) -> None:
        async with units() as unit:
            for key in keys:
                await unit.api_keys.add(key)
            await unit.commit()

    async def snapshot(self, api_keys: ApiKeyReader, known: KeyStamp | None = None) -> KeySnapshot:
        snapshot = await api_keys.keys_since(known)
        assert snapshot is not None
        return snapshot

    async def test_keys_are_read_as_they_were_stored_the_oldest_first(
        self, units: UnitOfWorkFactory, api_keys: ApiKeyReader
    ) -> None:
        assert list(await api_keys.api_keys()) == []
        longest = an_api_key(
            3,
            tenant_id=TenantId("t" * 64),
            name="消" * 64,
            scopes=ALL_SCOPES,
            environment="e" * 16,
            expires_at=NOW + 9,
            ends_at=NOW + 8,
            rotated_from="k" * 8,
            last_used_at=NOW + 7,
        )
        newer, older = an_api_key(1, created_at=NOW + 1), an_api_key(2, created_at=NOW - 1)
        await self.add(units, newer, older, longest)
        expected = [older, longest, newer]
        assert list(await api_keys.api_keys()) == expected
        assert list((await self.snapshot(api_keys)).keys) == expected
        assert list(await api_keys.api_keys(DEFAULT_TENANT)) == [older, newer]
        assert list(await api_keys.api_keys(TenantId("T" * 64))) == []
        async with units() as unit:
            assert list(await unit.api_keys.all()) == expected

    async def test_an_id_belongs_to_one_key(self, units: UnitOfWorkFactory, api_keys: ApiKeyReader) -> None:
        await self.add(units, an_api_key())
        with pytest.raises(ConflictError):
            await self.add(units, an_api_key(name="other"))
        assert list(await api_keys.api_keys()) == [an_api_key()]

    async def test_a_rotated_key_gets_an_end_and_a_deleted_one_is_gone(
        self, units: UnitOfWorkFactory, api_keys: ApiKeyReader
    ) -> None:
        first, second, third = (an_api_key(number) for number in (1, 2, 3))
        await self.add(units, first, second, third)
        async with units() as unit:
            await unit.api_keys.end(first.key_id, NOW + 5)
            await unit.api_keys.end("nobody", NOW + 5)
            assert await unit.api_keys.delete([second.key_id, "nobody", third.key_id]) == 2
            assert await unit.api_keys.delete([]) == 0
            await unit.commit()
        assert list(await api_keys.api_keys()) == [an_api_key(1, ends_at=NOW + 5)]

    async def test_when_keys_were_used_is_stored_for_many_at_once_and_a_later_time_stays(
        self, units: UnitOfWorkFactory, api_keys: ApiKeyReader
    ) -> None:
        keys = [an_api_key(number) for number in range(MANY)]
        later, unused = an_api_key(MANY, last_used_at=NOW + 90), an_api_key(MANY + 1)
        await self.add(units, *keys, later, unused)
        before = (await self.snapshot(api_keys)).stamp
        async with units() as unit:
            await unit.api_keys.used([*(key.key_id for key in reversed(keys)), later.key_id, "nobody"], NOW + 60)
            await unit.api_keys.used([keys[0].key_id], NOW + 70)
            await unit.api_keys.used([], NOW + 80)
            await unit.commit()
        used = {key.key_id: key.last_used_at for key in await api_keys.api_keys()}
        assert used == {
            **{key.key_id: NOW + 60 for key in keys},
            keys[0].key_id: NOW + 70,
            later.key_id: NOW + 90,
            unused.key_id: None,
        }
        assert await api_keys.keys_since(before) is None  # nobody needs to read all keys for that

    async def test_the_stamp_changes_with_every_change_and_with_none_else(
        self, units: UnitOfWorkFactory, api_keys: ApiKeyReader
    ) -> None:
        first = (await self.snapshot(api_keys)).stamp
        assert await api_keys.keys_since(first) is None
        async with units() as unit:
            assert await unit.api_keys.begin_change(DEFAULT_TENANT)
            assert await api_keys.keys_since(first) is None  # it is not committed
            await unit.commit()
        second = await self.snapshot(api_keys, first)
        async with units() as unit:
            await unit.tenants.add(a_tenant())
            assert await unit.api_keys.begin_change(ACME)
            assert not await unit.api_keys.begin_change(TenantId("nobody"))
            await unit.commit()
        third = await self.snapshot(api_keys, second.stamp)
        assert len({first, second.stamp, third.stamp}) == 3
        await self.add(units, an_api_key())  # without a change that was begun, as a person at the database would
        fourth = await self.snapshot(api_keys, third.stamp)
        assert (list(fourth.keys), list(fourth.tenants)) == ([an_api_key()], [a_tenant(), DEFAULT])
        assert await api_keys.keys_since(fourth.stamp) is None

    async def test_tenants_are_read_as_they_were_stored_by_id(
        self, units: UnitOfWorkFactory, api_keys: ApiKeyReader
    ) -> None:
        assert list(await api_keys.tenants()) == [DEFAULT]
        longest = a_tenant("a" * 64, name="消" * 255, disabled_at=NOW)
        async with units() as unit:
            await unit.tenants.add(a_tenant("zebra"))
            await unit.tenants.add(longest)
            assert list(await unit.tenants.all()) == [longest, DEFAULT, a_tenant("zebra")]
            await unit.commit()
        assert list(await api_keys.tenants()) == [longest, DEFAULT, a_tenant("zebra")]
        assert list((await self.snapshot(api_keys)).tenants) == [longest, DEFAULT, a_tenant("zebra")]
        with pytest.raises(ConflictError):
            async with units() as unit:
                await unit.tenants.add(a_tenant("zebra", name="other"))

    async def test_a_tenant_is_disabled_and_enabled(self, units: UnitOfWorkFactory, api_keys: ApiKeyReader) -> None:
        for disabled_at in (NOW, None):
            async with units() as unit:
                if disabled_at is not None:
                    await unit.tenants.add(a_tenant())
                await unit.tenants.disable(ACME, disabled_at)
                await unit.tenants.disable(TenantId("nobody"), NOW)
                await unit.commit()
            assert list(await api_keys.tenants()) == [a_tenant(disabled_at=disabled_at), DEFAULT]

    async def test_what_one_process_changes_is_known_to_another_within_five_seconds(
        self, units: UnitOfWorkFactory, api_keys: ApiKeyReader, clock: SettableClock
    ) -> None:
        here, elsewhere = (KeyDirectory(api_keys, units, clock) for _ in range(2))
        drawn = itertools.count(1)
        keys = KeyRegistry(units, api_keys, clock, lambda _: unguessable(next(drawn)), changed=here.changed)
        tenants = TenantRegistry(units, api_keys, clock, here.changed)
        await tenants.create(ACME, "Acme Ltd")
        await elsewhere.read()

        async def is_known(text: str) -> bool:
            clock.advance(LOOK_MS)
            await elsewhere.refresh()
            return elsewhere.lookup(text) is not None

        issued = await keys.create(OPEN_PRINCIPAL, CreateKey(ACME, "shop", frozenset({Scope.MESSAGES_SEND})))
        assert await is_known(issued.text)
        await tenants.disable(ACME)
        assert not await is_known(issued.text)
        await tenants.enable(ACME)
        assert await is_known(issued.text)
        rotated = await keys.rotate(OPEN_PRINCIPAL, RotateKey(issued.key.key_id, overlap_s=0))
        assert not await is_known(issued.text)
        assert await is_known(rotated.text)
        await elsewhere.store_used()
        used = {key.key_id: key.last_used_at for key in await api_keys.api_keys(ACME)}
        assert used == {issued.key.key_id: clock.now(), rotated.key.key_id: clock.now()}
        await keys.revoke(OPEN_PRINCIPAL, rotated.key.key_id)
        assert not await is_known(rotated.text)

    async def test_what_is_not_committed_is_not_there(self, units: UnitOfWorkFactory, api_keys: ApiKeyReader) -> None:
        await self.add(units, an_api_key(1))
        async with units() as unit:
            await unit.api_keys.add(an_api_key(2))
            await unit.api_keys.delete([an_api_key(1).key_id])
            await unit.tenants.add(a_tenant())
            assert list(await unit.api_keys.all()) == [an_api_key(2)]
            assert list(await api_keys.api_keys()) == [an_api_key(1)]
        assert list(await api_keys.api_keys()) == [an_api_key(1)]
        assert list(await api_keys.tenants()) == [DEFAULT]
