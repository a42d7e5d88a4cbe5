import errno
import socket

import pytest

from wework_message.adapters.unreached import why_unreached


def caused(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "db.example: Name or service not known"),
            "the name of its host is not known",
        ),
        (ConnectionRefusedError(errno.ECONNREFUSED, "10.0.0.1"), "nothing listens at its address"),
        (OSError(errno.ENETUNREACH, "10.0.0.1"), "there is no way to its network"),
        (TimeoutError(), "does not answer"),
        (OSError("Multiple exceptions: 10.0.0.1"), "does not answer"),
        (OSError(errno.EIO, "10.0.0.1"), "does not answer"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] x"),
            "nothing listens at its address",
        ),
        (None, "does not answer"),
        (
            caused(Exception("to 10.0.0.1"), ConnectionRefusedError(errno.ECONNREFUSED, "")),
            "nothing listens at its address",
        ),
    ],
)
def test_why_a_server_is_not_reached_is_said_without_its_address(error: BaseException | None, cause: str) -> None:
    assert why_unreached(error) == cause
