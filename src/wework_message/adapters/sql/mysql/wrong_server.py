"""Connections to a server that takes no writes any more are dropped: the next ones ask anew where the primary is."""

import logging
from collections.abc import Sequence
from itertools import count
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError

from wework_message.adapters.sql.mysql.failures import WRONG_SERVER, number_of

_GENERATION: Final = "wm_generation"
_log: Final = logging.getLogger(__name__)


def drop_of_wrong_server(engines: Sequence[Engine]) -> None:
    """Drop the connections of all `engines` once one of them meets the wrong server: queries must not read from it either.

    One that is in use ends with its unit of work; the others are replaced before they are used again.
    """
    generations = count(1)
    current = [0]

    def connected(_connection: object, record: Any) -> None:
        record.info[_GENERATION] = current[0]

    def checked_out(_connection: object, record: Any, _proxy: object) -> None:
        if record.info[_GENERATION] != current[0]:
            raise DisconnectionError("it leads to a server that took no writes")

    def failed(context: ExceptionContext) -> None:
        number = number_of(context.original_exception)
        if number not in WRONG_SERVER:
            return
        context.is_disconnect = True
        connection = context.connection
        if connection is None or connection.connection.info.get(_GENERATION) == current[0]:
            current[0] = next(generations)
            _log.warning("connections to the database are dropped: %s (%d)", WRONG_SERVER[number], number)

    for engine in engines:
        event.listen(engine, "connect", connected)
        event.listen(engine, "checkout", checked_out)
        event.listen(engine, "handle_error", failed)
