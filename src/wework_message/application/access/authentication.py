"""Who calls: by an API key, or by a token of a platform's issuer (ADR 69)."""

from wework_message.application.access.directory import KeyDirectory
from wework_message.application.errors import UnauthenticatedError
from wework_message.domain.access.api_keys import is_key
from wework_message.domain.access.principal import Principal
from wework_message.domain.ports.issued_tokens import TokenVerifier


class Authentication:
    """Says whose key or token a text is."""

    def __init__(self, keys: KeyDirectory, tokens: TokenVerifier | None = None) -> None:
        """`keys` are those that this process knows; without `tokens` there is no issuer."""
        self._keys = keys
        self._tokens = tokens

    def lookup(self, text: str) -> Principal | None:
        """Whose it is, where that is known without a wait; None says nothing: `principal_of` does."""
        return self._keys.lookup(text)

    async def principal_of(self, text: str) -> Principal:
        """Whose it is.

        Raises `UnauthenticatedError`, the same for whatever is wrong with it; `UnavailableError` while that cannot be known.
        """
        if self._tokens is None or is_key(text):
            return await self._keys.principal_of(text)
        bearer = self._tokens.verify(text)
        if bearer is None:
            raise UnauthenticatedError
        await self._keys.require_tenant(bearer.tenant_id)
        return bearer
