"""The first of the two requests of a mass send to many: nothing is stored of it but that it was made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.accept.fingerprint import fingerprint
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.errors import ConfirmationRequiredError
from wework_message.domain.mass.chunks import MAX_RECIPIENTS
from wework_message.domain.mass.confirmation import CONFIRM_WITHIN_MS, Confirmation, digest_of
from wework_message.domain.message.draft import Draft
from wework_message.domain.ports.system import Clock

MASS: Final = "mass send"
"""The mode of a mass send's fingerprints."""


class StoreConfirmations:
    """The transaction's part."""

    async def __call__(self, scope: CommitScope, items: Sequence[Confirmation], /) -> Sequence[None]:
        """One None per confirmation."""
        for item in items:
            await scope.unit.mass.announce(item)
        return [None] * len(items)


@dataclass(frozen=True, slots=True)
class AnnounceMassSend:
    """Asks for a second request where the recipients are more than a setting allows at once."""

    commits: Commits
    operation: StoreConfirmations
    clock: Clock
    new_token: Callable[[], str]
    """Makes a token that nobody can guess."""
    above: int

    async def __call__(self, drafts: Sequence[Draft]) -> None:
        """`drafts`: one for each valid recipient. Raises `ConfirmationRequiredError` where a confirmation is needed."""
        if len(drafts) <= self.above:
            return
        token, expires_at = self.new_token(), self.clock.now() + CONFIRM_WITHIN_MS
        confirmation = Confirmation(digest_of(token), fingerprint(drafts, mode=MASS), expires_at)
        await self.commits.submit(self.operation, confirmation)
        rooms = sum(draft.conversation.is_room for draft in drafts)
        raise ConfirmationRequiredError(
            token, recipients=len(drafts), chunks=_calls(rooms) + _calls(len(drafts) - rooms), expires_at=expires_at
        )


def _calls(recipients: int) -> int:
    return -(-recipients // MAX_RECIPIENTS)
