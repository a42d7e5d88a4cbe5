"""Make, rotate and revoke keys, create and disable tenants: with no more than the caller may do itself (ADR 69)."""

import itertools
import logging
from collections.abc import Sequence

import pytest
from tests.support.builders.api_keys import ACME, a_tenant, an_api_key, unguessable
from tests.support.builders.messages import NOW

from wework_message.adapters.memory.api_keys import MemoryApiKeyReader
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.access.directory import MAX_AGE_MS, KeyDirectory
from wework_message.application.access.keys import CreateKey, IssuedKey, KeyRegistry, RotateKey
from wework_message.application.access.tenants import TenantRegistry
from wework_message.application.errors import ForbiddenError, NotFoundError, UnauthenticatedError, UnknownNameError
from wework_message.domain.access.api_keys import (
    KEPT_MS,
    MAX_KEYS,
    MAX_KEYS_OF_TENANT,
    ApiKey,
    KeyRotatedError,
    TooManyKeysError,
)
from wework_message.domain.access.principal import OPEN_PRINCIPAL, Principal, PrincipalKind
from wework_message.domain.access.scopes import Scope
from wework_message.domain.access.tenants import (
    MAX_TENANTS,
    OperatorTenantError,
    TenantExistsError,
    TooManyTenantsError,
)
from wework_message.domain.errors import ConflictError, InvalidValueError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId

SEND = frozenset({Scope.MESSAGES_SEND})


def caller(tenant_id: TenantId = DEFAULT_TENANT, *scopes: Scope) -> Principal:
    return Principal(tenant_id, PrincipalKind.TOKEN, frozenset({Scope.KEYS_ADMIN, *scopes}), "callerid")


class Access:
    """What one process has, and another one beside it on the same database."""

    def __init__(self) -> None:
        self.clock = SettableClock(NOW)
        self.database = MemoryDatabase()
        units = MemoryUnitOfWorkFactory(self.database, self.clock)
        reader = MemoryApiKeyReader(self.database)
        self.here = KeyDirectory(reader, units, self.clock)
        self.elsewhere = KeyDirectory(reader, units, self.clock)
        self.drawn = itertools.count(1)
        self.keys = KeyRegistry(
            units, reader, self.clock, lambda _: unguessable(next(self.drawn)), changed=self.here.changed
        )
        self.tenants = TenantRegistry(units, reader, self.clock, self.here.changed)

    async def create(self, of: Principal = OPEN_PRINCIPAL, **changes: object) -> IssuedKey:
        fields: dict[str, object] = {"tenant_id": of.tenant_id, "name": "shop", "scopes": SEND}
        return await self.keys.create(of, CreateKey(**fields | changes))  # type: ignore[arg-type]  # a test names the fields

    async def rotate(self, key: ApiKey, of: Principal = OPEN_PRINCIPAL, overlap_s: int = 60) -> IssuedKey:
        return await self.keys.rotate(of, RotateKey(key.key_id, overlap_s))

    def stored(self) -> Sequence[ApiKey]:
        return list(self.database.api_keys.committed_rows())

    def put(self, *keys: ApiKey) -> None:
        for key in keys:
            self.database.api_keys.put(key.key_id, key)
        self.database.api_keys.commit()


@pytest.fixture
async def access() -> Access:
    access = Access()
    await access.tenants.create(ACME, "Acme Ltd")
    return access


async def is_refused(directory: KeyDirectory, text: str) -> bool:
    try:
        await directory.principal_of(text)
    except UnauthenticatedError:
        return True
    return False


async def test_a_new_key_is_known_here_at_once_and_elsewhere_within_five_seconds(access: Access) -> None:
    await access.elsewhere.read()
    issued = await access.create(caller(ACME, Scope.MESSAGES_SEND), name="till 3", expires_in_s=60)
    assert access.stored() == [issued.key]
    assert (issued.key.tenant_id, issued.key.name, issued.key.scopes) == (ACME, "till 3", SEND)
    assert (issued.key.created_at, issued.key.expires_at) == (NOW, NOW + 60_000)
    principal = access.here.lookup(issued.text)
    assert principal == Principal(ACME, PrincipalKind.KEY, SEND, issued.key.key_id)
    assert await is_refused(access.elsewhere, issued.text)
    access.clock.advance(MAX_AGE_MS + 1)
    assert await access.elsewhere.principal_of(issued.text) == principal


@pytest.mark.parametrize("end", ["revoked", "rotated", "expired"])
async def test_a_key_that_has_ended_makes_no_other_one_also_where_that_is_not_known_yet(
    access: Access, end: str
) -> None:
    scopes = frozenset({Scope.KEYS_ADMIN, *SEND})
    issued = await access.create(name="admin", scopes=scopes, expires_in_s=60 if end == "expired" else None)
    other = await access.create()
    caller_elsewhere = await access.elsewhere.principal_of(issued.text)
    if end == "revoked":
        await access.keys.revoke(OPEN_PRINCIPAL, issued.key.key_id)
    elif end == "rotated":
        await access.rotate(issued.key, overlap_s=0)
    else:
        access.clock.advance(60_000)
    before = access.stored()
    with pytest.raises(UnauthenticatedError):
        await access.create(caller_elsewhere)
    with pytest.raises(UnauthenticatedError):
        await access.rotate(other.key, caller_elsewhere)
    assert access.stored() == before


async def test_a_valid_key_makes_another_one(access: Access) -> None:
    issued = await access.create(name="admin", scopes=frozenset({Scope.KEYS_ADMIN, *SEND}))
    made = await access.create(await access.elsewhere.principal_of(issued.text))
    assert made.key in access.stored()


async def test_a_revoked_key_is_refused_here_at_once_and_elsewhere_within_five_seconds(access: Access) -> None:
    issued = await access.create()
    await access.elsewhere.principal_of(issued.text)
    assert await access.keys.revoke(OPEN_PRINCIPAL, issued.key.key_id) == issued.key
    assert access.stored() == []
    assert await is_refused(access.here, issued.text)
    access.clock.advance(MAX_AGE_MS + 1)
    assert await is_refused(access.elsewhere, issued.text)
    access.clock.jump(-3_600_000)
    await access.elsewhere.read()
    assert await is_refused(access.elsewhere, issued.text)


async def test_a_key_has_no_scope_that_its_maker_has_not(access: Access) -> None:
    with pytest.raises(ForbiddenError, match="messages:send"):
        await access.create(caller(ACME))
    with pytest.raises(InvalidValueError, match="scopes"):
        await access.create(caller(ACME, Scope.METRICS), scopes=frozenset({Scope.METRICS}))
    with pytest.raises(InvalidValueError, match="scopes"):
        await access.create(scopes=frozenset())
    with pytest.raises(InvalidValueError, match="name"):
        await access.create(name="")
    with pytest.raises(UnknownNameError, match="tenantId"):
        await access.create(tenant_id=TenantId("nobody"))
    assert access.stored() == []


async def test_a_rotation_gives_nobody_a_scope_that_he_has_not(access: Access) -> None:
    issued = await access.create()
    with pytest.raises(ForbiddenError, match="messages:send"):
        await access.rotate(issued.key, caller())
    assert access.stored() == [issued.key]
    await access.keys.revoke(caller(), issued.key.key_id)  # to take away needs less


async def test_keys_of_another_tenant_are_not_there_but_for_an_operator_of_tenants(access: Access) -> None:
    issued = await access.create(tenant_id=ACME)
    for other in (caller(TenantId("other"), *Scope), caller(DEFAULT_TENANT, Scope.MESSAGES_SEND)):
        with pytest.raises(NotFoundError):
            await access.keys.revoke(other, issued.key.key_id)
        with pytest.raises(NotFoundError):
            await access.rotate(issued.key, other)
        with pytest.raises(ForbiddenError, match="tenants:admin"):
            await access.create(other, tenant_id=ACME)
        with pytest.raises(ForbiddenError, match="tenants:admin"):
            await access.keys.keys_of(other, ACME)
    assert await access.keys.keys_of(caller(ACME), ACME) == [issued.key]
    operator = caller(DEFAULT_TENANT, Scope.TENANTS_ADMIN, Scope.MESSAGES_SEND)
    assert await access.keys.keys_of(operator, ACME) == [issued.key]
    assert (await access.rotate(issued.key, operator)).key.tenant_id == ACME
    await access.keys.revoke(operator, issued.key.key_id)
    with pytest.raises(NotFoundError):
        await access.keys.revoke(operator, "nobody")


async def test_a_rotated_key_is_valid_beside_the_new_one_until_its_end(access: Access) -> None:
    old = await access.create(expires_in_s=1_000)
    access.clock.advance(10)
    new = await access.rotate(old.key, overlap_s=60)
    assert new.text != old.text
    assert (new.key.name, new.key.scopes, new.key.rotated_from) == (old.key.name, old.key.scopes, old.key.key_id)
    assert new.key.expires_at == NOW + 10 + 1_000_000
    access.clock.advance(59_999)
    assert not await is_refused(access.here, old.text)
    access.clock.advance(1)
    assert await is_refused(access.here, old.text)
    assert await access.here.principal_of(new.text) == new.key.principal()
    with pytest.raises(NotFoundError):
        await access.rotate(old.key)


async def test_of_a_key_at_most_two_are_valid(access: Access) -> None:
    first = await access.create()
    second = await access.rotate(first.key)
    with pytest.raises(KeyRotatedError, match=second.key.key_id):
        await access.rotate(first.key)
    third = await access.rotate(second.key)
    assert {key.key_id for key in access.stored()} == {second.key.key_id, third.key.key_id}
    assert await is_refused(access.here, first.text)


async def test_where_the_answer_of_a_rotation_was_lost_the_successor_is_revoked_and_the_rotation_repeated(
    access: Access,
) -> None:
    first = await access.create()
    lost = await access.rotate(first.key, overlap_s=60)
    await access.keys.revoke(OPEN_PRINCIPAL, lost.key.key_id)
    again = await access.rotate(first.key, overlap_s=1_000)
    ends = {key.key_id: key.ends_at for key in access.stored()}
    assert ends == {first.key.key_id: NOW + 60_000, again.key.key_id: None}  # the end never moves away


async def test_what_has_ended_is_listed_for_a_week_and_goes_with_the_next_key(access: Access) -> None:
    ended = an_api_key(90, expires_at=NOW)
    access.put(ended)
    assert await access.keys.keys_of(OPEN_PRINCIPAL, DEFAULT_TENANT) == [ended]
    access.clock.advance(KEPT_MS)
    assert await access.keys.keys_of(OPEN_PRINCIPAL, DEFAULT_TENANT) == []
    new = await access.create()
    assert access.stored() == [new.key]


async def test_a_tenant_has_at_most_a_thousand_keys_and_what_has_ended_makes_room(access: Access) -> None:
    first = 100
    access.put(*[an_api_key(first + number, tenant_id=ACME) for number in range(MAX_KEYS_OF_TENANT)])
    with pytest.raises(TooManyKeysError, match=f"{MAX_KEYS_OF_TENANT}"):
        await access.create(tenant_id=ACME)
    await access.create()  # the others have theirs
    access.put(an_api_key(first, tenant_id=ACME, expires_at=NOW))
    issued = await access.create(tenant_id=ACME)
    assert an_api_key(first).key_id not in {key.key_id for key in access.stored()}
    with pytest.raises(TooManyKeysError):
        await access.rotate(issued.key)


async def test_a_service_has_at_most_ten_thousand_keys(access: Access) -> None:
    tenants = [TenantId(f"t{number}") for number in range(20)]
    access.put(*[an_api_key(100 + number, tenant_id=tenants[number % 20]) for number in range(MAX_KEYS)])
    with pytest.raises(TooManyKeysError, match=f"{MAX_KEYS}"):
        await access.create()
    access.put(an_api_key(100, tenant_id=tenants[0], ends_at=NOW))
    await access.create()
    assert len(access.stored()) == MAX_KEYS


async def test_an_id_that_exists_already_is_drawn_anew_three_times(access: Access) -> None:
    access.put(an_api_key(1), an_api_key(2))
    assert (await access.create()).key.key_id == an_api_key(3).key_id
    access.put(*[an_api_key(number) for number in (4, 5, 6)])
    with pytest.raises(ConflictError):
        await access.create()


async def test_a_store_that_is_away_makes_nothing_and_one_that_fails_afterwards_is_read_again(access: Access) -> None:
    issued = await access.create()
    access.database.failing_commits = 1
    with pytest.raises(UnavailableError):
        await access.keys.revoke(OPEN_PRINCIPAL, issued.key.key_id)
    assert access.here.lookup(issued.text) is not None
    access.database.away = True
    with pytest.raises(UnavailableError):
        await access.create()


async def test_no_text_of_a_key_is_logged_shown_or_stored(access: Access, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    old = await access.create()
    new = await access.rotate(old.key)
    await access.keys.revoke(caller(), old.key.key_id)
    shown = f"{caplog.text} {[record.__dict__ for record in caplog.records]} {old!r} {new!r} {access.stored()!r}"
    assert old.key.key_id in shown
    assert "callerid" in shown
    for issued in (old, new):
        assert issued.text.split("_")[3] not in shown


async def test_a_disabled_tenant_is_refused_here_at_once_and_elsewhere_within_five_seconds(access: Access) -> None:
    issued = await access.create(tenant_id=ACME)
    await access.elsewhere.principal_of(issued.text)
    disabled = await access.tenants.disable(ACME)
    assert disabled.disabled_at == NOW
    access.clock.advance(MAX_AGE_MS + 1)
    for directory in (access.here, access.elsewhere):
        assert await is_refused(directory, issued.text)
        with pytest.raises(UnauthenticatedError):
            await directory.require_tenant(ACME)
        await directory.require_tenant(DEFAULT_TENANT)
    assert (await access.tenants.disable(ACME)).disabled_at == NOW  # it stays as it was
    assert (await access.tenants.enable(ACME)).disabled_at is None
    assert (await access.tenants.enable(ACME)).disabled_at is None
    assert access.here.lookup(issued.text) is not None
    await access.here.require_tenant(ACME)
    assert [tenant.tenant_id for tenant in await access.tenants.tenants()] == [ACME, DEFAULT_TENANT]


async def test_nobody_calls_for_a_tenant_while_tenants_are_not_known(access: Access) -> None:
    access.database.away = True
    with pytest.raises(UnavailableError):
        await access.elsewhere.require_tenant(ACME)


async def test_only_a_tenant_that_is_there_is_disabled_and_the_operators_never(access: Access) -> None:
    with pytest.raises(NotFoundError):
        await access.tenants.disable(TenantId("nobody"))
    with pytest.raises(NotFoundError):
        await access.tenants.enable(TenantId("nobody"))
    with pytest.raises(OperatorTenantError):
        await access.tenants.disable(DEFAULT_TENANT)
    assert (await access.tenants.enable(DEFAULT_TENANT)).disabled_at is None


async def test_a_tenant_is_created_once_and_there_are_at_most_a_thousand(access: Access) -> None:
    with pytest.raises(TenantExistsError):
        await access.tenants.create(ACME, "again")
    with pytest.raises(InvalidValueError, match="tenantId"):
        await access.tenants.create(TenantId("Acme"), "Acme")
    for number in range(MAX_TENANTS):
        tenant = a_tenant(f"t{number}")
        access.database.tenants.put(tenant.tenant_id, tenant)
    access.database.tenants.commit()
    with pytest.raises(TooManyTenantsError):
        await access.tenants.create(TenantId("late"), "Late")
