"""Who calls: by an API key, or by a token of a platform's issuer (ADR 69)."""

from wework_message.application.access.directory import KeyDirectory
from wework_message.domain.access.principal import Principal


class Authentication:
    """Says whose key or token a text is."""

    def __init__(self, keys: KeyDirectory) -> None:
        """`keys` are those that this process knows."""
        self._keys = keys

    def lookup(self, text: str) -> Principal | None:
        """Whose it is, where that is known without a wait; None says nothing: `principal_of` does."""
        return self._keys.lookup(text)

    async def principal_of(self, text: str) -> Principal:
        """Whose it is.

        Raises `UnauthenticatedError`, the same for whatever is wrong with it; `UnavailableError` while that cannot be known.
        """
        return await self._keys.principal_of(text)
