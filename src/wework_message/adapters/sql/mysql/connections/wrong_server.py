"""Connections to a server that takes no writes any more are dropped: the next ones ask anew where the primary is."""

import logging
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError

from wework_message.adapters.sql.mysql.failures import WRONG_SERVER, number_of

_GENERATION: Final = "wm_generation"
_log: Final = logging.getLogger(__name__)


class Generations:
    """Numbers connections by when they were opened. All of a process that are older than `current` are dropped.

    One that is in use ends with its unit of work; the others are replaced before they are used again. Queries must not
    read from a server that took no writes either.
    """

    def __init__(self) -> None:
        """The first generation."""
        self.current = 0

    def end(self, generation: int) -> None:
        """Drop the connections of this generation, and older ones."""
        self.current = max(self.current, generation + 1)

    def failed(self, error: BaseException, generation: int) -> bool:
        """Note an error on a connection of this generation; returns whether it came from a server that takes no writes."""
        number = number_of(error)
        if number not in WRONG_SERVER:
            return False
        if generation == self.current:
            _log.warning("connections to the database are dropped: %s (%d)", WRONG_SERVER[number], number)
        self.end(generation)
        return True

    def watch(self, engine: Engine) -> None:
        """Let the pool of `engine` drop them, and note its errors."""

        def connected(_connection: object, record: Any) -> None:
            record.info[_GENERATION] = self.current

        def checked_out(_connection: object, record: Any, _proxy: object) -> None:
            if record.info[_GENERATION] != self.current:
                raise DisconnectionError("a server of these connections took no writes")

        def failed(context: ExceptionContext) -> None:
            connection = context.connection
            generation = self.current if connection is None else connection.connection.info.get(_GENERATION, 0)
            if self.failed(context.original_exception, generation):
                context.is_disconnect = True

        event.listen(engine, "connect", connected)
        event.listen(engine, "checkout", checked_out)
        event.listen(engine, "handle_error", failed)
