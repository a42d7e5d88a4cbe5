"""Keys and tokens of tests: a text for each principal."""

from collections.abc import Mapping
from dataclasses import dataclass

from wework_message.application.errors import UnauthenticatedError
from wework_message.domain.access.principal import Principal, PrincipalKind
from wework_message.domain.access.scopes import ALL_SCOPES, Scope
from wework_message.domain.ids import DEFAULT_TENANT, TenantId


@dataclass(frozen=True, slots=True)
class KnownCredentials:
    """Texts and whose they are. Those of `slowly` are known only after a wait."""

    at_once: Mapping[str, Principal]
    slowly: Mapping[str, Principal]

    def lookup(self, text: str) -> Principal | None:
        return self.at_once.get(text)

    async def principal_of(self, text: str) -> Principal:
        if text not in self.slowly:
            raise UnauthenticatedError
        return self.slowly[text]

    def __hash__(self) -> int:
        return id(self)


def a_caller(*scopes: Scope, tenant: str = DEFAULT_TENANT) -> Principal:
    return Principal(TenantId(tenant), PrincipalKind.TOKEN, frozenset(scopes), "abcdefgh")


CREDENTIALS = KnownCredentials(
    {
        "everything": a_caller(*ALL_SCOPES),
        "of-another": a_caller(*ALL_SCOPES, tenant="another"),
        **{f"only-{scope}": a_caller(scope) for scope in Scope},
        **{f"all-but-{scope}": a_caller(*ALL_SCOPES - {scope}) for scope in Scope},
    },
    {"slow": a_caller(*ALL_SCOPES)},
)
"""A text for each scope alone, for all but it, and for all of them."""


def bearer(text: str) -> dict[str, str]:
    """The header with a key."""
    return {"Authorization": f"Bearer {text}"}
