from typing import Any

import pytest

from wework_message.domain.access.claims import LEEWAY_S, MAX_LIFE_S, MAX_SUBJECT, ClaimNames, bearer_of, is_valid_at
from wework_message.domain.access.principal import PrincipalKind
from wework_message.domain.access.scopes import OPERATOR_SCOPES, Scope

NAMES = ClaimNames()
CLAIMS: dict[str, Any] = {
    "sub": "shop-7",
    "tenant": "shop",
    "scope": "messages:send messages:read",
    "iat": 1000,
    "exp": 1900,
}


def test_a_bearer_is_whom_the_claims_name() -> None:
    bearer = bearer_of(CLAIMS, NAMES)
    assert bearer is not None
    assert (bearer.tenant_id, bearer.kind, bearer.id) == ("shop", PrincipalKind.TOKEN, "shop-7")
    assert bearer.scopes == {Scope.MESSAGES_SEND, Scope.MESSAGES_READ}
    assert not bearer.is_operator


def test_claims_have_the_names_that_the_settings_give_them() -> None:
    claims = {"sub": "s", "https://x.example/org": "default", "permissions": ["metrics", "messages:read", 7]}
    bearer = bearer_of(claims, ClaimNames("https://x.example/org", "permissions"))
    assert bearer is not None
    assert bearer.scopes == {Scope.METRICS, Scope.MESSAGES_READ}
    assert bearer.is_operator


@pytest.mark.parametrize(
    "scope", ["", "openid profile", [], "MESSAGES:SEND", "messages:send,messages:read", ["messages:send messages:read"]]
)
def test_what_is_no_scope_of_ours_means_nothing(scope: object) -> None:
    bearer = bearer_of(CLAIMS | {"scope": scope}, NAMES)
    assert bearer is not None
    assert bearer.scopes == frozenset()


def test_what_reaches_beyond_a_tenant_is_for_tokens_of_the_operators_tenant() -> None:
    every = CLAIMS | {"scope": " ".join(Scope)}
    of_tenant, of_operator = bearer_of(every, NAMES), bearer_of(every | {"tenant": "default"}, NAMES)
    assert of_tenant is not None
    assert of_operator is not None
    assert of_tenant.scopes == set(Scope) - OPERATOR_SCOPES
    assert of_operator.scopes == set(Scope)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenant", None), ("tenant", 7), ("tenant", ""), ("tenant", ["shop"]), ("tenant", "Shop"), ("tenant", "a b"), ("tenant", "x" * 65),
        ("sub", None), ("sub", 7), ("sub", ""), ("sub", "x" * (MAX_SUBJECT + 1)), ("sub", "a\nb"),
        ("scope", None), ("scope", 7), ("scope", {"messages:send": True}),
    ],
)  # fmt: skip
def test_claims_that_name_nobody(name: str, value: object) -> None:
    assert bearer_of(CLAIMS | {name: value}, NAMES) is None
    assert bearer_of({key: claim for key, claim in CLAIMS.items() if key != name}, NAMES) is None


@pytest.mark.parametrize(
    ("changes", "now_s", "valid"),
    [
        ({}, 1000, True), ({}, 1899.9, True), ({}, 1900, False), ({}, 1000 - LEEWAY_S, True), ({}, 999.9 - LEEWAY_S, False),
        ({"nbf": 1100}, 1100 - LEEWAY_S, True), ({"nbf": 1100}, 1099 - LEEWAY_S, False), ({"nbf": 1}, 900, False), ({"nbf": "1"}, 1000, False),
        ({"exp": 1000 + MAX_LIFE_S}, 1000, True), ({"exp": 1001 + MAX_LIFE_S}, 1000, False), ({"exp": 999}, 998, False),
        ({"exp": None}, 1000, False), ({"iat": None}, 1000, False), ({"exp": "1900"}, 1000, False), ({"iat": True}, 1, False),
        ({"exp": float("inf")}, 1000, False), ({"exp": float("nan")}, 1000, False), ({"iat": float("nan")}, 1000, False),
        ({"nbf": float("nan")}, 1000, False), ({"exp": 10**400}, 1000, False), ({"iat": -(10**400)}, 1000, False), ({"iat": 1000.5}, 1000, True),
    ],
)  # fmt: skip
def test_a_token_is_valid_for_a_short_time(changes: dict[str, Any], now_s: float, valid: bool) -> None:
    assert is_valid_at(CLAIMS | changes, now_s) is valid
