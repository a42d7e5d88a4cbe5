"""Contents of a file: the provider's handle of it, an earlier upload, or a URL from which the service fetches it.

`media_id` and `url` are left out of the JSON where they are not given, and so is everything that the file itself tells then.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

from msgspec import UNSET, Struct, UnsetType, structs

from wework_message.domain.content.base import LinkedContent
from wework_message.domain.content.rules import Digest, Url

MEDIA_NAMES: Final = ("mediaId", "url")
"""JSON names of what names a file instead of its handle."""

AnyStruct = TypeVar("AnyStruct", bound=Struct)


def is_given(value: object) -> bool:
    """Whether a field says something: a null and an empty text equal its absence."""
    return value is not UNSET and value is not None and value != ""


def changed(struct: AnyStruct, changes: Mapping[str, Any]) -> AnyStruct:
    """`struct` with other values, by attribute. Raises `InvalidValueError`."""
    return structs.replace(struct, **changes)


def without(*attributes: str) -> Mapping[str, Any]:
    """The values of fields that are not given, for `changed`."""
    return dict.fromkeys(attributes, UNSET)


def named_by(values: Mapping[str, Any]) -> list[str]:
    """Which of `mediaId` and `url` the values by JSON name have; empty: the file is named by its handle."""
    return [name for name in MEDIA_NAMES if is_given(values.get(name))]


@cache
def json_names(kind: type[Struct]) -> Mapping[str, str]:
    """Attribute and JSON name of each field."""
    return dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))


class WithFile(LinkedContent, frozen=True, kw_only=True):
    """A content of one file: all fields of its handle, or `media_id`, or `url`. The lists name attributes."""

    media_id: Digest | UnsetType = UNSET
    """A media asset."""
    url: Url | UnsetType = UNSET
    """Only in requests: acceptance puts `media_id` in its place."""

    HANDLE: ClassVar[tuple[str, ...]]
    """What only the provider that has the file can say."""
    KEY: ClassVar[tuple[str, ...]] = ()
    """The same, where some handles have none."""
    READ: ClassVar[tuple[str, ...]] = ()
    """What is read from the bytes of a media asset, unless the client gives it."""
    PREVIEW: ClassVar[tuple[str, ...]] = ()
    """What describes the preview picture: all of it is given or, for a media asset, nothing."""

    @classmethod
    def linked_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        return file_problems(values, cls)


def file_problems(values: Mapping[str, Any], kind: Any) -> Iterator[tuple[str, str]]:
    """Problems of how a content of `kind`, which has the lists of `WithFile`, names its file; `values` are by JSON name."""
    names = json_names(kind)
    media = named_by(values)
    if not media:
        for attribute in (*kind.HANDLE, *kind.READ, *kind.PREVIEW):
            if not is_given(values.get(names[attribute])):
                yield names[attribute], "is required"
        return
    for name in (*media[1:], *(names[attribute] for attribute in (*kind.HANDLE, *kind.KEY))):
        if is_given(values.get(name)):
            yield name, f"must not be given beside {media[0]}"
    missing = [names[attribute] for attribute in kind.PREVIEW if not is_given(values.get(names[attribute]))]
    if len(missing) < len(kind.PREVIEW):
        for name in missing:
            yield name, "is required where other fields of the preview are given"
