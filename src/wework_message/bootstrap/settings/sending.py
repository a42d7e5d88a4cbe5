"""Settings of synchronous sends, of native mass sends, and of answers that wait for the database."""

from typing import Annotated

from msgspec import Meta

from wework_message.bootstrap.settings.places import FolderPath
from wework_message.bootstrap.settings.section import Section
from wework_message.domain.mass.day import DEFAULT_ZONE


class MassSettings(Section, frozen=True):
    """Native mass sends (ADR 67)."""

    confirm_above: Annotated[int, Meta(ge=0, le=10_000)] = 200
    """A mass send to more recipients needs a second request with a token."""
    zone: Annotated[str, Meta(min_length=1, max_length=64)] = DEFAULT_ZONE
    """Time zone whose days count for customers of accounts without quiet hours of their own: one mass send a day."""


class SyncSettings(Section, frozen=True):
    """The synchronous send."""

    wait_ms: Annotated[int, Meta(ge=1, le=30_000)] = 10_000
    """How long a sync send waits for the outcome before it answers 202, ms (D-39)."""


class SpoolSettings(Section, frozen=True):
    """Answers that the database could not take while it was away (ADR 60)."""

    directory: FolderPath = "var/spool"
    """Folder on a disk that outlives the process; all processes of one machine may share it."""
