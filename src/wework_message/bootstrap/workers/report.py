"""The supervisor's own lines of the log. It has no thread that writes them: it forks."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from wework_message import __version__
from wework_message.adapters.observability.json_lines import Renderer, Stamp
from wework_message.adapters.observability.log_file import FileTarget
from wework_message.adapters.observability.logs import LogSettings
from wework_message.adapters.observability.readable_lines import readable
from wework_message.adapters.observability.turns import PatientLines


class SupervisorReport:
    """Lines of the service's form, without the number of a worker; to the standard output and to the log file."""

    def __init__(self, settings: LogSettings, turn: int) -> None:
        """`turn` as for `TurnTarget`."""
        self._renderer = Renderer(settings.service, __version__, Stamp())
        stdout = _standard_output()
        self._for_people = readable(settings.form, stdout)
        self._lines = PatientLines(stdout, turn)
        # A worker that hangs while it renames the file must not keep its supervisor from ending it.
        self._file = FileTarget(Path(settings.file), _ignored, waits=False) if settings.file is not None else None

    def line(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Log one line; never waits, neither for a reader of the standard output nor for a worker that has the file."""
        line = self._renderer.line(level, event, {"logger": "supervisor", **fields})
        self._lines.put(line if self._for_people is None else self._for_people(line))
        if self._file is not None:
            self._file.write(line)

    def flush(self) -> None:
        """Write what could not be written before."""
        self._lines.flush()


def _standard_output() -> int:
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # none at all, or a stream of tests
        return os.open(os.devnull, os.O_WRONLY)


def _ignored(_error: OSError) -> None:
    """Every worker says that the log file cannot be written."""
