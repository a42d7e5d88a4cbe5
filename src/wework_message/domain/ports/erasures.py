"""The port for erasures of what is held of a person: written inside a unit of work, and read as views."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.erasure import ErasedRows, Erasure, ErasureStep
from wework_message.domain.ids import ErasureId, TenantId


class Erasures(Protocol):
    """Erasures, and the rows that they erase, inside a unit of work."""

    async def add(self, erasure: Erasure) -> None:
        """Store a new one."""
        ...

    async def get(self, erasure_id: ErasureId) -> Erasure | None:
        """An erasure, locked."""
        ...

    async def save(self, erasure: Erasure) -> None:
        """Write what changes of it. One that is done has no conversation any more."""
        ...

    async def erase(self, step: ErasureStep, *, limit: int) -> ErasedRows:
        """Look at the next rows of the step's part, at most `limit`, and erase those of its subject; a dry run counts them.

        Messages rest and no recall of them waits (`may_be_erased`); what is erased of them is what `erase_conversation` and
        `ERASED_FINGERPRINT` say. Callbacks, events and dead letters that name the subject are deleted, and so are the choices
        of pools; callbacks that may be evidence (`is_evidence`) are left, and count where they hold the erasure up. What is locked by somebody else is left as what does not rest.
        """
        ...


class ErasureReader(Protocol):
    """Reads erasures."""

    async def erasure(self, tenant_id: TenantId, erasure_id: ErasureId) -> Erasure | None:
        """An erasure of the tenant."""
        ...

    async def erasures(self, tenant_id: TenantId, *, limit: int, before: ErasureId | None) -> Sequence[Erasure]:
        """Newest first: those with smaller ids than `before`."""
        ...

    async def next(self) -> Erasure | None:
        """That one of those that are not done, of every tenant, whose next step is due first."""
        ...
