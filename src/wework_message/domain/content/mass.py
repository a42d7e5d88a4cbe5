"""The content of a native mass send (群发助手): a text and lists of attachments, the same for every recipient (P-6)."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from wework_message.domain.content.base import Checked, LinkedContent
from wework_message.domain.content.cards import LinkContent, MiniProgramContent
from wework_message.domain.content.media import FileContent, VideoContent
from wework_message.domain.content.rules import Pixels, Size, Url


class MassImage(Checked, frozen=True, kw_only=True):
    """A picture of a mass send, by its URL at the provider (`/cloud/add_image`)."""

    image_url: Url
    size: Size
    thumb_width: Pixels
    thumb_height: Pixels


class MassContent(LinkedContent, frozen=True, kw_only=True, tag="MASS_SEND"):
    """What each recipient of a mass send gets; at least one of its fields is not empty. Clients never name this type."""

    content: str = ""
    images: tuple[MassImage, ...] = ()
    videos: tuple[VideoContent, ...] = ()
    mini_programs: tuple[MiniProgramContent, ...] = ()
    links: tuple[LinkContent, ...] = ()
    files: tuple[FileContent, ...] = ()

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"content": "明天十点开会"}

    @staticmethod
    def linked_problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        if not any(values.values()):
            yield "content", "or a list of contents is required"
