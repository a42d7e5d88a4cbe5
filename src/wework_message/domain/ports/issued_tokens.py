"""The port for tokens that a platform's issuer signs."""

from typing import Protocol

from wework_message.domain.access.principal import Principal


class TokenVerifier(Protocol):
    """Reads signed tokens."""

    def verify(self, text: str) -> Principal | None:
        """Whose token it is; None for everything that is not a whole, signed, valid token of the issuer for this service.

        Whether the tenant exists is not its question.
        """
        ...
