"""A valid client request, before an account is resolved or anything is stored."""

from collections.abc import Iterator
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
    """The sender by an instance's name; exactly one of this and `account_id`."""
    account_id: AccountId | None = None
    options: SendOptions = NO_OPTIONS

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first rule that is broken."""
        for problem in self._problems():
            raise problem

    def _problems(self) -> Iterator[InvalidValueError]:
        if (self.guid is None) is (self.account_id is None):
            yield InvalidValueError("guid", "exactly one of guid and accountId is needed")
        yield from self.options.problems()
        yield from self._mention_problems()

    def _mention_problems(self) -> Iterator[InvalidValueError]:
        if self.conversation.is_room:
            return
        if isinstance(self.content, MentionContent):
            yield InvalidValueError("conversationId", "must be a room (R:<digits>) for MENTION")
        elif isinstance(self.content, QuoteContent) and self.content.at_list:
            yield InvalidValueError("atList", "is for rooms (R:<digits>) only")

    def check_at(self, now: int) -> None:
        """Raises `InvalidValueError` where the message would be too late already; `now` is epoch ms UTC."""
        expires_at = self.options.expires_at
        if expires_at is not None and expires_at <= now:
            raise InvalidValueError("expiresAt", "is in the past")
