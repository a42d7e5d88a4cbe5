"""The content of a native mass send (群发助手): a text and lists of attachments, the same for every recipient (P-6)."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from wework_message.domain.content.base import Checked, LinkedContent
from wework_message.domain.content.cards import LinkContent, MiniProgramContent
from wework_message.domain.content.files import file_problems, json_names
from wework_message.domain.content.media import FileContent, VideoContent
from wework_message.domain.content.rules import Digest, Pixels, Size, Url
from wework_message.domain.errors import InvalidValueError


class MassImage(Checked, frozen=True, kw_only=True):
    """A picture of a mass send: by its URL at the provider (`/cloud/add_image`), or as `WithFile`."""

    image_url: Url | UnsetType = UNSET
    size: Size | UnsetType = UNSET
    thumb_width: Pixels | UnsetType = UNSET
    thumb_height: Pixels | UnsetType = UNSET
    media_id: Digest | UnsetType = UNSET
    url: Url | UnsetType = UNSET

    HANDLE: ClassVar = ("image_url", "size")
    KEY: ClassVar = ()
    READ: ClassVar = ("thumb_width", "thumb_height")
    PREVIEW: ClassVar = ()

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first rule that is broken."""
        super().__post_init__()
        values = {name: getattr(self, attribute) for attribute, name in json_names(type(self)).items()}
        for name, problem in self.linked_problems(values):
            raise InvalidValueError(name, problem)

    @classmethod
    def linked_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        return file_problems(values, cls)


class MassContent(LinkedContent, frozen=True, kw_only=True, tag="MASS_SEND"):
    """What each recipient of a mass send gets; at least one of its fields is not empty. Clients never name this type."""

    content: str = ""
    images: tuple[MassImage, ...] = ()
    videos: tuple[VideoContent, ...] = ()
    mini_programs: tuple[MiniProgramContent, ...] = ()
    links: tuple[LinkContent, ...] = ()
    files: tuple[FileContent, ...] = ()

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"content": "明天十点开会"}

    @classmethod
    def linked_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        if not any(values.values()):
            yield "content", "or a list of contents is required"
