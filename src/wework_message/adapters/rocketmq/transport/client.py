"""The official gRPC client, imported so that nothing of ours is changed, and kept alive."""

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

RENEW_AFTER_S: Final = 5.0
"""A client that failed for so long is replaced.

A consumer finds no way back by itself after a restart of the proxy, and a producer's channel waits up to two minutes
before it connects again.
"""

_LOGGER: Final = "rocketmq-python-client"


class ClientMissingError(Exception):
    """The official client is not there, or something else has its name."""


@cache
def load_client() -> Any:
    """The module `rocketmq`. Raises `ClientMissingError`.

    Its import reconfigures logging, which closes every handler there is, and opens a log file below HOME: here it finds
    an empty HOME and a `dictConfig` that does nothing. What it logs is not heard: it repeats the same outage a thousand
    times a minute, and says it with addresses. `Presence` tells what changed.
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
    return module


def _configure_nothing(config: object) -> None:
    """In the place of `logging.config.dictConfig`."""


def _is_not_the_clients(record: logging.LogRecord) -> bool:
    """Its heartbeats raise in callbacks, where the standard library logs them every ten seconds of an outage."""
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith("rocketmq."):
            return False
        trace = trace.tb_next
    return True


def describe(error: BaseException) -> str:
    """An error of the client in one word: texts of servers name addresses and topics."""
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else code, "name", code if isinstance(code, int) else None)
    return f"{type(error).__name__} {name}" if name else type(error).__name__


class Renewed:
    """A producer or a consumer that is built when it is needed, and again where it fails for `RENEW_AFTER_S`."""

    def __init__(self, build: Callable[[], Any]) -> None:
        """`build` makes one and starts it; called, as everything here, in a thread that may block."""
        self._build = build
        self._lock = Lock()
        self._current: Any = None
        self._failing_since: float | None = None
        self._ended = False
        self.renewals = 0
        """How many times it was replaced."""

    def get(self) -> Any:
        """The one to use now. Raises what building it raises."""
        with self._lock:
            if self._ended:
                raise ConnectionError("closed")
            if self._current is None:
                self._current = self._build()
            return self._current

    def answered(self) -> None:
        """It works."""
        self._failing_since = None

    def failed(self, client: Any) -> None:
        """It does not; `client` is the one that was used."""
        now = time.monotonic()
        with self._lock:
            if self._failing_since is None:
                self._failing_since = now
            if client is None or client is not self._current or now - self._failing_since < RENEW_AFTER_S:
                return
            self._current, self._failing_since = None, None
            self.renewals += 1
        # Closing it asks the proxy that does not answer: nobody waits for that.
        Thread(target=_shut, args=(client,), name="rocketmq-shut", daemon=True).start()

    def close(self) -> None:
        """For good; twice is allowed."""
        with self._lock:
            self._ended = True
            client, self._current = self._current, None
        if client is not None:
            _shut(client)


def _shut(client: Any) -> None:
    with contextlib.suppress(Exception):  # it raises where it was closed before, or where nobody answers
        client.shutdown()
