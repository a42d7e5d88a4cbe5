"""What the settings say about the REST API arrives there."""

import socket
from pathlib import Path
from zoneinfo import ZoneInfo

from wework_message.bootstrap.server import _config
from wework_message.bootstrap.settings import load
from wework_message.entrypoints.wire.answer_form import AnswerForm
from wework_message.entrypoints.wire.requests.old_values import Compat


def test_hosts_origins_and_the_webhook_path_arrive(tmp_path: Path) -> None:
    variables = {
        "SECURITY_ALLOWED_HOSTS": "gateway.example , *.corp.example",
        "SECURITY_ALLOWED_ORIGINS": "https://desk.example",
        "SERVER_WEBHOOK_PATH": "/message/api/callbacks/webhook",
        "SERVER_HOST": "gw.internal.example",
    }
    config = _config(load(variables, config_dir=tmp_path), operating=False)
    assert config.allowed_hosts == ("gw.internal.example", socket.gethostname(), "gateway.example", "*.corp.example")
    assert config.allowed_origins == ("https://desk.example",)
    assert config.webhook_path == "/message/api/callbacks/webhook"


def test_how_clients_of_the_java_service_are_read_and_answered_arrives(tmp_path: Path) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    names = {"LOCAL_TIME_ZONE": "Asia/Shanghai", "BOOLEAN_SUCCESS": "true", "LENIENT_REQUESTS": "true"}
    variables = {f"APP_COMPAT_{name}": value for name, value in names.items()}
    config = _config(load(variables, config_dir=tmp_path), operating=False)
    assert (config.answers, config.limits.compat) == (
        AnswerForm(zone, boolean_success=True),
        Compat(zone, lenient=True),
    )


def test_nothing_more_is_allowed_by_default(tmp_path: Path) -> None:
    config = _config(load({}, config_dir=tmp_path), operating=False)
    assert config.allowed_hosts == ("127.0.0.1", socket.gethostname())
    assert (config.allowed_origins, config.webhook_path, config.answers) == ((), None, None)
