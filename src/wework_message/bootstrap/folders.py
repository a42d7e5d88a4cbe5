"""Folders that the service can do without for a while, and that this user cannot write to: warnings of a start."""

from collections.abc import Iterator
from pathlib import Path

from wework_message.adapters.private_files import no_folder
from wework_message.bootstrap.settings import Settings


def folder_warnings(settings: Settings) -> Iterator[str]:
    """A warning for each, with the setting, the path at fault, and what is lost."""
    media, log = settings.app.media, settings.logging.file.name
    folders = [("app.spool.directory", Path(settings.app.spool.directory), "answers that the database does not take")]
    if media.store == "folder":
        folders.append(("app.media.folder", Path(media.folder), "media"))
    if log is not None:
        folders.append(("logging.file.name", Path(log).parent, "the log file"))
        if Path(log).is_dir():
            yield f"logging.file.name: {Path(log).absolute()} is a folder: the log file cannot be kept"
    for key, folder, what in folders:
        if (reason := no_folder(folder)) is not None:
            yield f"{key}: {reason}: {what} cannot be kept"
