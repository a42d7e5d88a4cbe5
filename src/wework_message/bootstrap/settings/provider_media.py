"""Settings of what one provider does with files and mass sends, of which its documents say little."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from wework_message.bootstrap.settings.section import Section, comma_separated

_PLACE: Final = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"
_Places: TypeAlias = Annotated[str, Meta(pattern=rf"^{_PLACE}( *\| *{_PLACE})*$", max_length=1_000)]
_HANDLE: Final = "file-id, aes-key, md5, size or url"
_FileTypes: TypeAlias = Annotated[
    Mapping[Literal["IMAGE", "VIDEO", "VOICE", "FILE", "COVER"], Annotated[int, Meta(ge=0, le=1_000)]],
    Meta(extra={"allowed": "a map of IMAGE, VIDEO, VOICE, FILE or COVER to a whole number from 0 to 1000"}),
]
_UploadAnswer: TypeAlias = Annotated[
    Mapping[Literal["file-id", "aes-key", "md5", "size", "url"], _Places],
    Meta(extra={"allowed": f"a map of {_HANDLE} to names such as file_id | file.id"}),
]
_Codes: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^-?[1-9][0-9]{0,14}( *, *-?[1-9][0-9]{0,14})*$",
        extra={"allowed": "non-zero codes, separated by commas"},
    ),
]
_MassAnswer: TypeAlias = Annotated[
    Mapping[
        Literal["task-id", "refused", "results", "ineligible", "user-id", "room-id", "code", "status"],
        _Places,
    ],
    Meta(
        extra={
            "allowed": "a map of task-id, refused, results, ineligible, user-id, room-id, code or status to names"
            " such as msgid | task.id"
        }
    ),
]
_Statuses: TypeAlias = Annotated[
    Mapping[Annotated[str, Meta(min_length=1, max_length=64)], Literal["SENT", "FAILED"]],
    Meta(extra={"allowed": "a map of the provider's statuses to SENT or FAILED"}),
]


class ProviderMediaSettings(Section, frozen=True):
    """How files are uploaded to this provider."""

    file_types: _FileTypes = msgspec.field(default_factory=dict)
    """Kind of upload -> the provider's number, over those of its protocol."""
    answer: _UploadAnswer = msgspec.field(default_factory=dict)
    """Field of a handle -> where the answer to an upload has it, over what its protocol assumes."""
    expired_codes: _Codes | None = None
    """Codes that the provider answers to a send whose file it does not know any more; null = none are known."""

    max_file_bytes: Annotated[int, Meta(ge=20_000_001, le=2**53 - 1)] | None = None
    """Largest FILE and BIG_VIDEO that it carries; larger ones go to a sibling binding. null = any."""

    @property
    def expired(self) -> frozenset[int]:
        """`expired_codes` as numbers."""
        return frozenset(map(int, comma_separated(self.expired_codes)))


class ProviderMassSettings(Section, frozen=True):
    """How this provider makes mass sends."""

    answer: _MassAnswer = msgspec.field(default_factory=dict)
    """What is read from answers -> where they have it, over what its protocol assumes."""
    statuses: _Statuses = msgspec.field(default_factory=dict)
    """The provider's status of one recipient -> SENT or FAILED, over what its protocol assumes."""
    prefixed_ids: bool = False
    """Recipients are named with the prefix of their conversation, `S:` or `R:`."""
