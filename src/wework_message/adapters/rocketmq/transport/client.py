"""The official gRPC client: an import without its side effects, and clients that are replaced when they fail."""

import contextlib
import importlib
import logging
import logging.config
import os
import tempfile
import time
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from typing import Any, Final

from wework_message.adapters.rocketmq.transport.client_faults import mend

RENEW_AFTER_S: Final = 5.0
"""A client that failed for so long is replaced.

A consumer does not reconnect by itself after a restart of the proxy, and a producer's channel waits up to two minutes
before it connects again.
"""

_LOGGER: Final = "rocketmq-python-client"


class ClientMissingError(Exception):
    """The official client is not installed, or another package has its name."""


@cache
def load_client() -> Any:
    """The module `rocketmq`. Raises `ClientMissingError`.

    Its import reconfigures logging, which closes every existing handler, and opens a log file below HOME. Here it sees
    an empty HOME and a `dictConfig` that does nothing. Its log is silenced: it repeats the same outage a thousand times a
    minute, with addresses. `ConnectionState` logs what changed.
    """
    configure, home = logging.config.dictConfig, os.environ.get("HOME")
    with tempfile.TemporaryDirectory() as folder:
        logging.config.dictConfig = _configure_nothing
        os.environ["HOME"] = folder
        try:
            module = importlib.import_module("rocketmq")
        except ImportError as error:
            raise ClientMissingError(
                "RocketMQ needs the extra rocketmq: pip install 'wework-message[rocketmq]'"
            ) from error
        finally:
            logging.config.dictConfig = configure
            del os.environ["HOME"]
            os.environ |= {} if home is None else {"HOME": home}
    logging.getLogger(_LOGGER).setLevel(logging.CRITICAL)
    logging.getLogger("concurrent.futures").addFilter(_is_not_the_clients)
    if not hasattr(module, "SimpleConsumer"):
        raise ClientMissingError(
            "the module rocketmq is not that of rocketmq-python-client: something else is installed over it"
        )
    mend(module)
    return module


def _configure_nothing(config: object) -> None:
    """Replaces `logging.config.dictConfig` during the import."""


def _is_not_the_clients(record: logging.LogRecord) -> bool:
    """The client's heartbeats raise in callbacks, and the standard library logs that every ten seconds of an outage."""
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith("rocketmq."):
            return False
        trace = trace.tb_next
    return True


def describe(error: BaseException) -> str:
    """The type and code of an error of the client: texts of servers contain addresses and topics."""
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else code, "name", code if isinstance(code, int) else None)
    return f"{type(error).__name__} {name}" if name else type(error).__name__


class Renewed:
    """A producer or consumer that is built when it is needed, and replaced when it fails for `RENEW_AFTER_S`."""

    def __init__(self, build: Callable[[], Any]) -> None:
        """`build` makes and starts a client. All methods may block, and run in threads."""
        self._build = build
        self._lock = Lock()
        self._current: Any = None
        self._failing_since: float | None = None
        self._closed = False
        self.renewals = 0
        """The number of replacements."""

    def get(self) -> Any:
        """The current client. Raises what `build` raises."""
        with self._lock:
            if self._closed:
                raise ConnectionError("closed")
            if self._current is None:
                self._current = self._build()
            return self._current

    def answered(self) -> None:
        """A call succeeded."""
        self._failing_since = None

    def failed(self, client: Any) -> None:
        """A call failed; `client` is the one that was used."""
        now = time.monotonic()
        with self._lock:
            if self._failing_since is None:
                self._failing_since = now
            if client is None or client is not self._current or now - self._failing_since < RENEW_AFTER_S:
                return
            self._current, self._failing_since = None, None
            self.renewals += 1
        # Closing it calls the proxy that does not answer: no caller waits for that.
        Thread(target=_shut, args=(client,), name="rocketmq-shut", daemon=True).start()

    def close(self) -> None:
        """Close the client; `get` raises from now on. Twice is allowed."""
        with self._lock:
            self._closed = True
            client, self._current = self._current, None
        if client is not None:
            _shut(client)


def _shut(client: Any) -> None:
    with contextlib.suppress(Exception):  # it raises if it is closed already, or if no proxy answers
        client.shutdown()
