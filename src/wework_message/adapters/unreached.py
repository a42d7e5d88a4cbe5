"""Why a server was not reached, in words of ours: the texts of resolvers and sockets have addresses."""

import errno
import re
import socket
from types import MappingProxyType
from typing import Final

UNKNOWN_HOST: Final = "the name of its host is not known"
NOBODY_LISTENS: Final = "nothing listens at its address"
NO_ANSWER: Final = "does not answer"

_BY_NUMBER: Final = MappingProxyType(
    {
        errno.ECONNREFUSED: NOBODY_LISTENS,
        errno.ECONNRESET: "it ends the connection",
        errno.EHOSTUNREACH: "there is no way to its host",
        errno.ENETUNREACH: "there is no way to its network",
    }
)


_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")


def why_unreached(error: BaseException | None) -> str:
    """By the error or its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, socket.gaierror):
            return UNKNOWN_HOST
        if isinstance(error, OSError) and (why := _BY_NUMBER.get(_number(error))) is not None:
            return why
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return NO_ANSWER


def _number(error: OSError) -> int:
    """Of a host with several addresses, asyncio's error has those of all in its text: the first one speaks for them."""
    if error.errno is not None:
        return error.errno
    named = _NUMBER.search(str(error))
    return int(named[1]) if named else 0
