from collections.abc import Mapping

import pytest

from wework_message.bootstrap.settings import load, start_problems
from wework_message.bootstrap.settings.errors import InvalidSettingError, MissingBackendError
from wework_message.bootstrap.settings.model import RocketmqSettings
from wework_message.bootstrap.settings.rocketmq import GRPC_CLIENT, NATIVE_CLIENT, client_problem


def problems(environ: Mapping[str, str]) -> list[str]:
    loaded = load({"ROCKETMQ_NAME_SERVER": "h:9876", **environ})
    return [problem.path for problem in start_problems(loaded.settings, loaded.profile)]


def test_a_name_server_is_enough_and_the_derived_proxy_is_warned_of() -> None:
    loaded = load({"ROCKETMQ_NAME_SERVER": "a:9876;b:9876"})
    assert start_problems(loaded.settings, loaded.profile) == ()
    assert [warning for warning in loaded.warnings if "a:8081" in warning]
    configured = load({"ROCKETMQ_NAME_SERVER": "a:9876", "ROCKETMQ_ENDPOINTS": "p:8081"})
    assert not [warning for warning in configured.warnings if "8081" in warning]


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"ROCKETMQ_NAME_SERVER": "h"}, "rocketmq.name-server"),
        ({"ROCKETMQ_NAME_SERVER": "[::1]:9876"}, "rocketmq.name-server"),
        ({"ROCKETMQ_NAME_SERVER": "http://h:9876"}, "rocketmq.name-server"),
        ({"ROCKETMQ_ENDPOINTS": "h"}, "rocketmq.endpoints"),
        ({"ROCKETMQ_ENDPOINTS": "h:0"}, "rocketmq.endpoints"),
        ({"ROCKETMQ_ENDPOINTS": "[::1]:8081"}, "rocketmq.endpoints"),
        ({"ROCKETMQ_ENDPOINTS": "a:8081;b:8081"}, "rocketmq.endpoints"),
        ({"ROCKETMQ_TOPICS_DUE": "due.messages"}, "rocketmq.topics.due"),
        ({"ROCKETMQ_GROUP": "a.b"}, "rocketmq.group"),
        ({"ROCKETMQ_ACCESS_KEY": "k"}, "rocketmq.secret-key"),
    ],
)  # fmt: skip
def test_what_the_client_could_not_use_is_refused_by_name(environ: dict[str, str], path: str) -> None:
    assert problems(environ) == [path]


def test_several_proxies_are_addresses() -> None:
    assert problems({"ROCKETMQ_ENDPOINTS": "10.0.0.1:8081;10.0.0.2:8081"}) == []


def test_the_native_transport_is_refused_while_the_other_client_is_installed_and_says_what_to_do() -> None:
    loaded = load({"ROCKETMQ_NAME_SERVER": "h:9876", "ROCKETMQ_TRANSPORT": "native", "ROCKETMQ_NAMESPACE": "n"})
    texts = {problem.path: problem.message for problem in start_problems(loaded.settings, loaded.profile)}
    assert set(texts) == {"rocketmq.transport", "rocketmq.namespace"}
    assert "wework-message[rocketmq-native]" in texts["rocketmq.transport"]


@pytest.mark.parametrize(
    ("transport", "installed", "kind", "fix"),
    [
        ("grpc", {GRPC_CLIENT}, None, ""),
        ("native", {NATIVE_CLIENT}, None, ""),
        ("grpc", set(), MissingBackendError, "pip install 'wework-message[rocketmq]'"),
        ("native", set(), MissingBackendError, "pip install 'wework-message[rocketmq-native]'"),
        ("grpc", {NATIVE_CLIENT}, InvalidSettingError, "pip install 'wework-message[rocketmq]'"),
        ("native", {GRPC_CLIENT}, InvalidSettingError, "pip install 'wework-message[rocketmq-native]'"),
        ("grpc", {GRPC_CLIENT, NATIVE_CLIENT}, InvalidSettingError, f"pip uninstall {NATIVE_CLIENT} {GRPC_CLIENT}"),
        ("native", {GRPC_CLIENT, NATIVE_CLIENT}, InvalidSettingError, f"pip uninstall {GRPC_CLIENT} {NATIVE_CLIENT}"),
    ],
)
def test_which_clients_are_installed_decides(
    transport: str, installed: set[str], kind: type[Exception] | None, fix: str
) -> None:
    problem = client_problem(transport, installed.__contains__)
    assert (None if problem is None else type(problem)) == kind
    assert problem is None or fix in str(problem)


def test_the_settings_of_a_queue_never_show_their_keys() -> None:
    loaded = load(
        {"ROCKETMQ_NAME_SERVER": "h:9876", "ROCKETMQ_ACCESS_KEY": "hunter2", "ROCKETMQ_SECRET_KEY": "hunter2"}
    )
    assert isinstance(loaded.settings.rocketmq, RocketmqSettings)
    assert "hunter2" not in repr(loaded.settings.rocketmq)
