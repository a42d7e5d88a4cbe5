"""Contents that are text."""

from collections.abc import Mapping
from typing import Any, ClassVar

from wework_message.domain.content.base import ContentBase
from wework_message.domain.content.rules import Mentions, Text


class TextContent(ContentBase, frozen=True, kw_only=True, tag="TEXT"):
    """Plain text."""

    content: Text

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"content": "测试消息"}


class MentionContent(ContentBase, frozen=True, kw_only=True, tag="MENTION"):
    """Text that mentions members of a room; ``"0"`` in `at_list` is everybody, ``{$@}`` in `content` its place."""

    content: Text
    at_list: Mentions

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"content": "{$@} 开会了", "atList": ["0", "7881301000000002"]}
