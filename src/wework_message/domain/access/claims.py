"""What a token of an issuer says of its bearer (ADR 69)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wework_message.domain.access.principal import Principal, PrincipalKind
from wework_message.domain.access.scopes import ALL_SCOPES, OPERATOR_SCOPES, Scope
from wework_message.domain.access.tenants import check_tenant
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId

MAX_LIFE_S: Final = 900
"""The longest time between a token's `iat` and its `exp`, seconds: nothing revokes it before."""

LEEWAY_S: Final = 5
"""How far the issuer's clock may be ahead of ours, seconds."""

_LATE_S: Final = 1e12
"""No instant is so late, epoch seconds."""

MAX_SUBJECT: Final = 255
"""Characters of a subject."""


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """The claims in which an issuer says what we need."""

    tenant: str = "tenant"
    scope: str = "scope"


def bearer_of(claims: Mapping[str, Any], names: ClaimNames) -> Principal | None:
    """The bearer of a token with these claims, whose signature and times are right; None where they name nobody.

    A scope that is not ours is another service's and means nothing here; what reaches beyond a tenant is for the operator's.
    """
    tenant, subject = claims.get(names.tenant), claims.get("sub")
    scopes = _scopes(claims.get(names.scope))
    if not isinstance(tenant, str) or not isinstance(subject, str) or scopes is None:
        return None
    try:
        check_tenant(tenant, tenant)
    except InvalidValueError:
        return None
    if not 1 <= len(subject) <= MAX_SUBJECT or not subject.isprintable():
        return None
    if tenant != DEFAULT_TENANT:
        scopes -= OPERATOR_SCOPES
    return Principal(TenantId(tenant), PrincipalKind.TOKEN, scopes, subject)


def is_valid_at(claims: Mapping[str, Any], now_s: float) -> bool:
    """Whether a token with these claims is good for anything at `now_s` (epoch seconds).

    It must say since when and until when, be valid for at most `MAX_LIFE_S`, and have begun; `nbf` may say that it begins later.
    """
    issued, expires = _number(claims.get("iat")), _number(claims.get("exp"))
    begins = issued if "nbf" not in claims else _number(claims["nbf"])
    if issued is None or expires is None or begins is None:
        return False
    if not 0 <= expires - issued <= MAX_LIFE_S:
        return False
    return max(issued, begins) - LEEWAY_S <= now_s < expires


def _number(claim: object) -> float | None:
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not abs(claim) < _LATE_S:
        return None
    return float(claim)


def _scopes(claim: object) -> frozenset[Scope] | None:
    """Words with blanks between (RFC 8693), or a list of them."""
    if isinstance(claim, str):
        words = claim.split()
    elif isinstance(claim, list):
        words = [word for word in claim if isinstance(word, str)]
    else:
        return None
    return frozenset(ALL_SCOPES.intersection(words))
