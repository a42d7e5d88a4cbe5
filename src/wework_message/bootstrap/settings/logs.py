"""Settings of the logs."""

from typing import Literal

from wework_message.bootstrap.settings.section import Section


class LogFileSettings(Section, frozen=True):
    """The log file, in addition to stdout."""

    name: str | None = "logs/message-service.log"
    """Path, relative to the working directory; null = off (D-56)."""


class LoggingSettings(Section, frozen=True):
    """Structured logs on stdout and in a file."""

    file: LogFileSettings = LogFileSettings()
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """The lowest level that is written; WARN, TRACE and FATAL of Java are understood."""
