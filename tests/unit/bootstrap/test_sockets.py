"""Binding what the settings name."""

import socket

import pytest

from wework_message.bootstrap import sockets as listening


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            listening._bound("127.0.0.1", port)
