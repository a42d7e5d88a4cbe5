"""Whether the settings of media fit each other, and where providers fetch media (ADR 66)."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

from wework_message.bootstrap.settings.database import missing_extra
from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, MissingSettingError, SettingsError
from wework_message.bootstrap.settings.media import MediaSettings, S3Settings

PREFIX: Final = "app.media."


def media_problems(media: MediaSettings) -> Iterator[SettingsError]:
    """Why the service cannot start with these."""
    if media.store != "s3":
        for name, key in zip(S3Settings.__struct_fields__, S3Settings.__struct_encode_fields__, strict=True):
            if getattr(media.s3, name) != getattr(S3Settings(), name):
                path = f"{PREFIX}s3.{key}"
                yield InvalidSettingError(path, f"needs {PREFIX}store: s3; it is set by {variables_of(path)}")
        return
    if find_spec("boto3") is None:
        yield missing_extra(f"{PREFIX}store", "an object store", "s3")
    if media.s3.bucket is None:
        path = f"{PREFIX}s3.bucket"
        yield MissingSettingError(path, variables_of(path), f"{PREFIX}store is s3")
    if (media.s3.access_key is None) != (media.s3.secret_key is None):
        path = f"{PREFIX}s3.{'access' if media.s3.access_key is None else 'secret'}-key"
        yield MissingSettingError(path, variables_of(path), "the other key is set")


def public_url_warnings(media: MediaSettings, *, reached_here: bool) -> tuple[str, ...]:
    """A warning where providers cannot fetch media; `reached_here`: all of them are simulated, or may be taken to be on this machine."""
    if media.store == "s3" or media.public_url is not None or reached_here:
        return ()
    key = f"{PREFIX}public-url"
    return (f"{key} is not set ({variables_of(key)}): no provider can fetch media here, so messages with media wait",)
