"""Binding what the settings name."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from wework_message.application.role import Role
from wework_message.bootstrap.settings import load
from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.sockets import listening

NOWHERE = Path("/nonexistent-settings-folder")


def refused(environ: Mapping[str, str], role: Role = Role.ALL) -> InvalidSettingError:
    loaded = load({"SERVER_PORT": "0", **environ}, config_dir=NOWHERE)
    with pytest.raises(InvalidSettingError) as caught, listening(loaded, role):
        pytest.fail("it listens")
    return caught.value


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = refused({"SERVER_PORT": str(port)})
        assert (error.path, f"127.0.0.1:{port}: Address already in use" in error.message) == ("server.port", True)
        for role in (Role.ALL, Role.CONSUMING):
            error = refused({"MANAGEMENT_SERVER_PORT": str(port)}, role)
            assert error.path == "management.server.port"


@pytest.mark.parametrize("host", ["198.51.100.7", "fe80::1%lo", "2001:db8::7"])
def test_an_address_of_another_machine_is_named_with_its_setting(host: str) -> None:
    error = refused({"SERVER_HOST": host})
    assert (error.path, error.message.startswith(f"{host}:0: ")) == ("server.host", True)


def test_a_name_that_nobody_knows_is_named_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unknown(socket.socket):
        def bind(self, address: object, /) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "socket", Unknown)
    assert refused({"SERVER_HOST": "gateway.example"}).path == "server.host"
