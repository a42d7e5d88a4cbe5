"""Everything that is wrong with the settings at once, so that nobody has to mend one key a round."""

from collections.abc import Iterator, Sequence

from wework_message.bootstrap.settings.errors import SettingsError, StartRefusedError
from wework_message.bootstrap.settings.ignored import Ignored
from wework_message.bootstrap.settings.model import Settings
from wework_message.bootstrap.settings.validation import start_problems


def refusal(
    problems: Sequence[SettingsError], settings: Settings, profile: str, ignored: Sequence[Ignored]
) -> SettingsError:
    """The one problem, or a `StartRefusedError` of all: also what would stop a start with the rest of the settings.

    `settings` have the defaults where values could not be used; what follows from those alone is left out.
    """
    known = {problem.path for problem in problems}
    further = [problem for problem in _start_problems(settings, profile) if problem.path not in known]
    if len(problems) == 1 and not further and not ignored:
        return problems[0]
    return StartRefusedError([*problems, *further], ignored)


def _start_problems(settings: Settings, profile: str) -> Iterator[SettingsError]:
    try:
        yield from start_problems(settings, profile)
    except SettingsError as error:  # a value that is a problem already
        yield error
