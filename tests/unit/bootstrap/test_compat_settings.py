"""`app.compat`: from the settings to requests and answers; without them nothing is another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from wework_message.bootstrap.policies import answers_of, limits_of
from wework_message.bootstrap.settings import load, start_problems
from wework_message.entrypoints.wire.answer_form import AnswerForm
from wework_message.entrypoints.wire.requests.old_values import Compat

NOWHERE: Final = Path("/nonexistent-settings-folder")
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("environ", "compat", "answers"),
    [
        ({}, None, None),
        ({"LOCAL_TIME_ZONE": "Asia/Shanghai"}, Compat(SHANGHAI), AnswerForm(SHANGHAI)),
        ({"BOOLEAN_SUCCESS": "true"}, None, AnswerForm(None, boolean_success=True)),
        ({"LENIENT_REQUESTS": "true"}, Compat(None, lenient=True), None),
        (
            {"LOCAL_TIME_ZONE": "UTC", "BOOLEAN_SUCCESS": "true", "LENIENT_REQUESTS": "true"},
            Compat(ZoneInfo("UTC"), lenient=True),
            AnswerForm(ZoneInfo("UTC"), boolean_success=True),
        ),
    ],
)
def test_each_setting_reaches_what_it_changes(
    environ: Mapping[str, str], compat: Compat | None, answers: AnswerForm | None
) -> None:
    loaded = load({f"APP_COMPAT_{name}": value for name, value in environ.items()}, config_dir=NOWHERE)
    assert start_problems(loaded.settings, loaded.profile) == ()
    assert limits_of(loaded).compat == compat
    assert answers_of(loaded.settings.app.compat) == answers


@pytest.mark.parametrize("zone", ["Mars/Olympus", "GMT+8", "+08:00", "localtime", "../etc", "Asia/Shanghai "])
def test_a_zone_that_nobody_knows_stops_the_start(zone: str) -> None:
    loaded = load({"APP_COMPAT_LOCAL_TIME_ZONE": zone}, config_dir=NOWHERE)
    problems = [str(problem) for problem in start_problems(loaded.settings, loaded.profile)]
    assert len(problems) == 1
    assert problems[0].startswith("app.compat.local-time-zone: ")
    assert "Asia/Shanghai" in problems[0]
