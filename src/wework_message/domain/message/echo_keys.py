"""What identifies a content in an echo without an id: one row per type, the same for what was sent and for what a record shows.

A reader of records gives the values of a `Form` in the order of its row; `Shown.key` is then the key that `echo_key` has
stored with the attempt. A type whose records show nothing that identifies them says so: only an id, or a person, settles it.
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from wework_message.domain.content import Content, MessageType, TextContent
from wework_message.domain.content.mass import MassContent
from wework_message.domain.digests import digest_of


class Form(StrEnum):
    """How a record shows a content: types that come back alike have one form."""

    TEXT = "TEXT"
    QUOTE = "QUOTE"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    FILE = "FILE"
    VOICE = "VOICE"
    LINK = "LINK"
    MINIPROGRAM = "MINIPROGRAM"
    CONTACT = "CONTACT"
    LOCATION = "LOCATION"
    GIF = "GIF"
    CHANNEL_FEED = "CHANNEL_FEED"
    CHANNEL_LIVE = "CHANNEL_LIVE"


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared of a type."""

    form: Form
    fields: tuple[str, ...]
    """Of the content, in the order in which a record's values are given."""


COMPARED: Final[Mapping[MessageType, Compared | None]] = MappingProxyType(
    {
        MessageType.TEXT: Compared(Form.TEXT, ("content",)),
        MessageType.MENTION: Compared(Form.TEXT, ("content",)),
        MessageType.QUOTE: Compared(Form.QUOTE, ("content", "quote_content")),
        MessageType.IMAGE: Compared(Form.IMAGE, ("file_id",)),
        MessageType.VIDEO: Compared(Form.VIDEO, ("file_id",)),
        MessageType.BIG_VIDEO: Compared(Form.VIDEO, ("file_id",)),
        MessageType.FILE: Compared(Form.FILE, ("file_id",)),
        MessageType.VOICE: Compared(Form.VOICE, ("file_id",)),
        MessageType.GIF: Compared(Form.GIF, ("gif_url",)),
        MessageType.LINK: Compared(Form.LINK, ("link_title", "link_url")),
        MessageType.MINIPROGRAM: Compared(
            Form.MINIPROGRAM, ("mini_program_app_id", "mini_program_page_path", "mini_program_title")
        ),
        MessageType.CONTACT: Compared(Form.CONTACT, ("contact_user_id",)),
        MessageType.LOCATION: Compared(Form.LOCATION, ("longitude", "latitude", "location_title")),
        MessageType.CHANNEL_FEED: Compared(Form.CHANNEL_FEED, ("channel_url", "channel_description")),
        MessageType.CHANNEL_LIVE: Compared(Form.CHANNEL_LIVE, ("channel_object_id",)),
        MessageType.MERGED: None,
        MessageType.SHOP_PRODUCT: None,
        MessageType.MASS_SEND: None,
    }
)
"""By type; None: nothing that its records are known to show identifies it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a content, or a record, shows of what identifies it."""

    form: Form
    values: tuple[str, ...]
    """As they were given; numbers as `_spelled` writes them."""

    @classmethod
    def of(cls, form: Form, values: Iterable[object]) -> Self | None:
        """None where one of the values is missing, empty or of no use: the rest identifies nothing."""
        spelled = [_spelled(value) for value in values]
        present = tuple(value for value in spelled if value)
        return cls(form, present) if len(present) == len(spelled) else None

    @property
    def text(self) -> str | None:
        """The words, where it is a text."""
        return self.values[0] if self.form in {Form.TEXT, Form.QUOTE} else None

    @property
    def key(self) -> str:
        """64 hexadecimal digits; equal for equal content."""
        if self.form is Form.TEXT:
            return content_key(self.values[0])
        # No text that we send has a NUL: the key of another form is never that of a text.
        return digest_of("\0".join(("", self.form, *map(_plain, self.values))))


def content_key(text: str) -> str:
    """The key by which texts are compared: SHA-256 (hex) in Unicode NFC, line ends as LF, outer white space removed."""
    return digest_of(_plain(text))


def echo_key(content: Content | None) -> str | None:
    """The key that an echo of this content must have; None for a content that only an id identifies, and for an erased one."""
    if isinstance(content, MassContent):
        content = text_alone(content)
    compared = COMPARED[content.message_type] if content is not None else None
    if compared is None:
        return None
    shown = Shown.of(compared.form, (getattr(content, field) for field in compared.fields))
    return None if shown is None else shown.key


def text_alone(content: MassContent) -> TextContent | None:
    """The text that each recipient of a mass send sees, where there is nothing else; None: nothing that is known tells its records apart."""
    attachments = (content.images, content.videos, content.mini_programs, content.links, content.files)
    return TextContent(content=content.content) if content.content and not any(attachments) else None


def _spelled(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return f"{value:.6f}"  # degrees: a tenth of a metre, which survives single precision and a decimal text
    return None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()
