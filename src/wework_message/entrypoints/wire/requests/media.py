"""The body of a request that names a file by its URL."""

from typing import Annotated

from msgspec import Meta, Struct

from wework_message.domain.media.file_names import MAX_FILE_NAME
from wework_message.domain.outbound import MAX_URL_LENGTH


class NewMediaRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A file to fetch."""

    url: Annotated[str, Meta(max_length=MAX_URL_LENGTH)]
    file_name: Annotated[str, Meta(min_length=1, max_length=MAX_FILE_NAME)] | None = None
