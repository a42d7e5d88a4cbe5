"""The ports for callback tokens: written inside a unit of work, read by every process every few seconds."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.callback_tokens import CallbackToken
from wework_message.domain.ids import TenantId


class CallbackTokenRepository(Protocol):
    """Callback tokens, inside a unit of work."""

    async def all(self) -> Sequence[CallbackToken]:
        """All of them, the oldest first."""
        ...

    async def add(self, token: CallbackToken) -> None:
        """Store a new one."""
        ...

    async def end(self, token_id: str, ends_at: int) -> bool:
        """Give it an end (epoch ms); False where there is none with this id."""
        ...

    async def delete(self, token_ids: Sequence[str]) -> int:
        """Delete them; how many there were."""
        ...


class CallbackTokenReader(Protocol):
    """What is committed, without waiting for writers."""

    async def callback_tokens(self, tenant_id: TenantId | None = None) -> Sequence[CallbackToken]:
        """All tokens of the tenant (None = of every tenant), the oldest first, also those whose end has come: at most a little more than `MAX_TOKENS`."""
        ...
