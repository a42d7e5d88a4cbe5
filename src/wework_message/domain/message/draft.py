"""A valid client request, before an account is resolved or anything is stored."""

from dataclasses import dataclass

from wework_message.domain.content import Content, MentionContent, QuoteContent
from wework_message.domain.conversation import Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, Guid
from wework_message.domain.message.options import NO_OPTIONS, SendOptions


@dataclass(frozen=True, slots=True)
class Draft:
    """One requested message. Instants are epoch ms UTC.

    Construction raises `InvalidValueError`, its path in the JSON's spelling, for values or combinations that no message may have.
    """

    conversation: Conversation
    content: Content
    guid: Guid | None = None
    """The sender by an instance's name; exactly one of this, `account_id` and `pool`."""
    account_id: AccountId | None = None
    options: SendOptions = NO_OPTIONS
    pool: str | None = None
    """The accounts of which one is the sender; the conversation keeps it."""

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first rule that is broken."""
        if [self.guid, self.account_id, self.pool].count(None) != 2:  # noqa: PLR2004 -- all but one
            raise InvalidValueError("guid", "exactly one of guid, accountId and pool is needed")
        for problem in self.options.problems():
            raise problem
        if not self.conversation.is_room:
            self._check_mentions()

    def _check_mentions(self) -> None:
        if isinstance(self.content, MentionContent):
            raise InvalidValueError("conversationId", "must be a room (R:<digits>) for MENTION")
        if isinstance(self.content, QuoteContent) and self.content.at_list:
            raise InvalidValueError("atList", "is for rooms (R:<digits>) only")

    def check_at(self, now: int) -> None:
        """Raises `InvalidValueError` where the message would be too late already; `now` is epoch ms UTC."""
        expires_at = self.options.expires_at
        if expires_at is not None and expires_at <= now:
            raise InvalidValueError("expiresAt", "is in the past")
