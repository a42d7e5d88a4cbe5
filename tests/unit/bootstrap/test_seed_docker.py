"""The Java service's ``docker run`` line: what it lacks is named, what it says is understood (D-35)."""

from pathlib import Path
from typing import Final

import pytest

from wework_message.bootstrap.settings import Loaded, load, start_problems
from wework_message.bootstrap.settings.errors import MissingSettingError

SEED: Final = {
    "SPRING_PROFILES_ACTIVE": "docker",
    "SPRING_DATASOURCE_URL": "jdbc:mysql://mysql:3306/wework_platform",
    "SPRING_DATA_REDIS_HOST": "redis",
    "ROCKETMQ_NAME_SERVER": "rocketmq-nameserver:9876",
}
"""The variables of the original description's ``docker run``."""

NEEDED: Final = {
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "http://provider.example:23456",
    "SPRING_DATASOURCE_USERNAME": "wework",
    "SPRING_DATASOURCE_PASSWORD": "p@ss/w:rd",
}
"""What a deployment has to set in addition."""


def missing(loaded: Loaded) -> list[str]:
    """What the start asks for; backends that a version lacks are another matter (D-59)."""
    problems = start_problems(loaded.settings, loaded.profile)
    return [str(problem) for problem in problems if isinstance(problem, MissingSettingError)]


def test_with_the_provider_s_address_and_the_database_s_user_nothing_is_missing(tmp_path: Path) -> None:
    assert missing(load(SEED | NEEDED, config_dir=tmp_path)) == []


@pytest.mark.parametrize("variable", NEEDED)
def test_each_of_them_is_refused_by_its_name_where_it_alone_is_missing(tmp_path: Path, variable: str) -> None:
    environ = SEED | {name: value for name, value in NEEDED.items() if name != variable}
    (problem,) = missing(load(environ, config_dir=tmp_path))
    assert variable in problem
    assert "p@ss" not in problem


def test_the_bare_line_is_refused_with_all_three_names(tmp_path: Path) -> None:
    problems = missing(load(SEED, config_dir=tmp_path))
    assert len(problems) == 3
    assert [name for name in NEEDED if not any(name in problem for problem in problems)] == []


def test_without_the_database_s_address_nothing_falls_back_to_a_file(tmp_path: Path) -> None:
    environ = SEED | NEEDED
    del environ["SPRING_DATASOURCE_URL"]
    (problem,) = missing(load(environ, config_dir=tmp_path))
    assert "SPRING_DATASOURCE_URL" in problem


def test_what_the_line_says_is_what_is_served(tmp_path: Path) -> None:
    loaded = load(SEED | NEEDED, config_dir=tmp_path)
    settings = loaded.settings
    assert settings.datasource.url is not None
    assert settings.datasource.url.reveal() == "mysql://mysql:3306/wework_platform"
    assert settings.redis.url is not None
    assert settings.redis.url.reveal() == "redis://redis:6379/0"
    assert settings.rocketmq.name_server == "rocketmq-nameserver:9876"
    assert (loaded.listen_host, settings.server.port, settings.server.context_path) == ("0.0.0.0", 8082, "/message")  # noqa: S104 - compared
    assert "p@ss" not in repr(settings)
