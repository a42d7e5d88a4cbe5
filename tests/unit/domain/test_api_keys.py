"""What an API key looks like, what is kept of it, and what it is good for; what a tenant is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.api_keys import ACME, a_new_key, an_api_key, key_text
from tests.support.builders.messages import NOW

from wework_message.domain.access.api_keys import (
    ID_BYTES,
    KEPT_MS,
    MAX_KEYS,
    MAX_NAME,
    SECRET_BYTES,
    KeyRotatedError,
    TooManyKeysError,
    check_name,
    check_scopes,
    is_key,
    is_well_formed,
    new_key,
)
from wework_message.domain.access.principal import OPEN_PRINCIPAL, Principal, PrincipalKind
from wework_message.domain.access.scopes import ALL_SCOPES, OPERATOR_SCOPES, Scope
from wework_message.domain.access.tenants import (
    MAX_TENANTS,
    OperatorTenantError,
    TenantExistsError,
    TooManyTenantsError,
    check_tenant,
)
from wework_message.domain.digests import digest_of
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId

NEEDED = ID_BYTES + SECRET_BYTES
SECRETS = st.binary(min_size=NEEDED, max_size=NEEDED)


def test_of_a_key_only_its_hash_is_kept() -> None:
    text, key = new_key(bytes(range(NEEDED)), a_new_key(expires_at=NOW + 5, rotated_from="k"), NOW)
    prefix, environment, key_id, secret, checksum = text.split("_")
    assert (prefix, environment, key_id, len(secret), len(checksum)) == ("wmk", "live", "aaaqeaye", 52, 8)
    assert key.key_id == key_id
    assert key.digest == digest_of(text)
    assert len(key.digest) == 64
    assert secret not in repr(key)
    assert (key.tenant_id, key.name, key.scopes) == (DEFAULT_TENANT, "shop", frozenset({Scope.MESSAGES_SEND}))
    assert (key.environment, key.created_at, key.expires_at, key.ends_at) == ("live", NOW, NOW + 5, None)
    assert (key.rotated_from, key.last_used_at) == ("k", None)


def test_a_key_has_all_of_its_unguessable_bytes_and_is_not_made_of_fewer() -> None:
    made = {new_key(bytes(place) + b"\x01" + bytes(NEEDED - 1 - place), a_new_key(), NOW)[0] for place in range(NEEDED)}
    assert len(made) == NEEDED
    with pytest.raises(ValueError, match="37"):
        new_key(bytes(NEEDED - 1), a_new_key(), NOW)


@given(unguessable=SECRETS, environment=st.from_regex(r"[a-z0-9]{1,16}", fullmatch=True), data=st.data())
def test_every_key_is_well_formed_and_no_key_with_another_character_is(
    unguessable: bytes, environment: str, data: st.DataObject
) -> None:
    text, _ = new_key(unguessable, a_new_key(environment=environment), NOW)
    assert is_key(text)
    assert is_well_formed(text)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != text[place]))
    assert not is_well_formed(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize("text", ["", "wmk_", "Bearer", "eyJhbGciOiJub25lIn0.e30.", "cb_" + "a" * 43])
def test_what_was_never_made_here_is_no_whole_key(text: str) -> None:
    assert not is_well_formed(text)
    assert is_key(text) == text.startswith("wmk_")


def test_a_mistyped_key_is_told_from_a_wrong_one() -> None:
    text = key_text()
    assert is_well_formed(text)
    assert not is_well_formed(text[:-1])
    assert not is_well_formed(text + "0")
    assert not is_well_formed(text[:-1] + ("1" if text[-1] == "0" else "0"))


def test_every_text_has_a_digest() -> None:
    assert digest_of("\ud800") != digest_of("\udfff")


def test_a_key_is_valid_until_it_expires_or_ends_whichever_is_first() -> None:
    key = an_api_key()
    assert key.valid_until is None
    assert key.is_valid(NOW + 10**15)
    assert key.is_kept(NOW + 10**15)
    for changes in ({"expires_at": NOW + 5}, {"ends_at": NOW + 5}, {"expires_at": NOW + 5, "ends_at": NOW + 9}):
        ending = an_api_key(**changes)
        assert ending.valid_until == NOW + 5
        assert [ending.is_valid(NOW + ms) for ms in (0, 4, 5)] == [True, True, False]
        assert [ending.is_kept(NOW + 5 + ms) for ms in (0, KEPT_MS - 1, KEPT_MS)] == [True, True, False]
    assert an_api_key(expires_at=NOW + 9, ends_at=NOW + 5).valid_until == NOW + 5


def test_the_key_in_the_place_of_another_lives_as_long() -> None:
    assert an_api_key().expiry_of_successor(NOW + 7) is None
    assert an_api_key(created_at=NOW, expires_at=NOW + 30).expiry_of_successor(NOW + 7) == NOW + 37


def test_whoever_calls_with_a_key_is_its_tenant_with_its_scopes() -> None:
    key = an_api_key(tenant_id=ACME)
    assert key.principal() == Principal(ACME, PrincipalKind.KEY, frozenset({Scope.MESSAGES_SEND}), key.key_id)


def test_names_are_printable_and_not_too_long() -> None:
    check_name("消" * MAX_NAME)
    for name in ("", "a" * (MAX_NAME + 1), "a\nb", "\x1b[0m"):
        with pytest.raises(InvalidValueError, match="name"):
            check_name(name)


def test_scopes_that_reach_beyond_a_tenant_are_the_operators() -> None:
    check_scopes(DEFAULT_TENANT, ALL_SCOPES)
    check_scopes(ACME, ALL_SCOPES - OPERATOR_SCOPES)
    for scope in OPERATOR_SCOPES:
        with pytest.raises(InvalidValueError, match=f"scopes: only keys of the tenant default may have {scope.value}"):
            check_scopes(ACME, {Scope.MESSAGES_SEND, scope})
    with pytest.raises(InvalidValueError, match="at least one"):
        check_scopes(DEFAULT_TENANT, set())


def a_caller(tenant_id: TenantId, *scopes: Scope) -> Principal:
    return Principal(tenant_id, PrincipalKind.KEY, frozenset(scopes), "k")


def test_a_scope_that_is_missing_is_named() -> None:
    caller = a_caller(DEFAULT_TENANT, Scope.KEYS_ADMIN, Scope.MESSAGES_SEND)
    assert caller.first_missing(frozenset({Scope.KEYS_ADMIN})) is None
    assert caller.first_missing(frozenset()) is None
    assert caller.first_missing(ALL_SCOPES) is Scope.ACCOUNTS_ADMIN


def test_no_token_gives_a_tenant_what_is_the_operators() -> None:
    for scope in OPERATOR_SCOPES:
        assert a_caller(DEFAULT_TENANT, scope).may(scope)
        assert not a_caller(ACME, *ALL_SCOPES).may(scope)
    assert a_caller(ACME, Scope.KEYS_ADMIN).may(Scope.KEYS_ADMIN)
    assert not a_caller(ACME, Scope.KEYS_ADMIN).may(Scope.AUDIT_READ)


def test_only_an_operator_who_may_change_tenants_reaches_the_keys_of_others() -> None:
    assert a_caller(ACME).reaches(ACME)
    assert not a_caller(ACME, *ALL_SCOPES).reaches(DEFAULT_TENANT)
    assert not a_caller(DEFAULT_TENANT, Scope.KEYS_ADMIN).reaches(ACME)
    assert a_caller(DEFAULT_TENANT, Scope.TENANTS_ADMIN).reaches(ACME)
    assert OPEN_PRINCIPAL.reaches(ACME)


def test_a_rotation_never_lets_a_key_live_longer() -> None:
    assert an_api_key().end_by(NOW + 9) == NOW + 9
    assert [an_api_key(ends_at=NOW + 5).end_by(NOW + ms) for ms in (3, 9)] == [NOW + 3, NOW + 5]


def test_the_limits_are_named() -> None:
    assert str(MAX_KEYS) in str(TooManyKeysError(MAX_KEYS))
    assert str(MAX_TENANTS) in str(TooManyTenantsError())
    assert "k2" in str(KeyRotatedError("k2"))
    assert "already" in str(TenantExistsError())
    assert "default" in str(OperatorTenantError())


@pytest.mark.parametrize("tenant_id", ["a", "acme-eu_2", "0" * 64])
def test_ids_of_tenants_are_words(tenant_id: str) -> None:
    check_tenant(tenant_id, "Acme")


@pytest.mark.parametrize("tenant_id", ["", "Acme", "-a", "_a", "a b", "a/b", "a" * 65, "é"])
def test_other_ids_are_refused(tenant_id: str) -> None:
    with pytest.raises(InvalidValueError, match="tenantId"):
        check_tenant(TenantId(tenant_id), "Acme")


@pytest.mark.parametrize("name", ["", "a" * 256, "a\nb"])
def test_names_of_tenants_are_printable(name: str) -> None:
    with pytest.raises(InvalidValueError, match="name"):
        check_tenant("acme", name)
