"""Which spellings of a path are answered: the documented ones, and no other (D-26 and D-53)."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from litestar.exceptions import NotFoundException
from litestar.types import Scope

from wework_message.entrypoints.rest.webhook_paths import WEBHOOK

_OLD_PATHS: Final = re.compile(r"/(?:(?:messages|providers|callbacks)(?:/|$)|health$)")
"""The Java service's own paths, without ``/api`` (D-53)."""
_BELOW_WEBHOOK: Final = f"{WEBHOOK}/"
_SHORT: Final = 128
"""Longer paths are not worth the memory."""
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_webhook(path: str) -> bool:
    """Whether `path`, in today's spelling, takes callbacks."""
    return path == WEBHOOK or path.startswith(_BELOW_WEBHOOK)


def raw_path(scope: Scope) -> str:
    """The path as the client wrote it: percent-encoded, without the query."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(scope["path"])


class Paths:
    """From the path of a request to that of a route.

    The fixed parts of a path are compared as they were written: a proxy that lets one spelling through must not be
    passed by with another one. Only parameters may be percent-encoded, see `decoded`.
    """

    def __init__(self, context_path: str, webhook_path: str | None) -> None:
        """`webhook_path` is the only path of the webhook; None = all of `webhook_spellings`."""
        self._context = context_path.rstrip("/")
        self._webhook = webhook_path
        self._cached_route = lru_cache(256)(self._route)

    def route(self, raw: str) -> tuple[str, str]:
        """The context path, if it was used, and the path without it, in today's spelling and still percent-encoded.

        Raises `NotFoundException` for doubled and trailing slashes, and for a webhook at another path than the one.
        """
        return self._cached_route(raw) if len(raw) <= _SHORT else self._route(raw)

    def _route(self, raw: str) -> tuple[str, str]:
        if "//" in raw or (raw.endswith("/") and raw != "/"):
            raise NotFoundException
        prefix, path, context = "", raw, self._context
        if context and path.startswith(context) and path[len(context) : len(context) + 1] in ("/", ""):
            prefix, path = context, path[len(context) :] or "/"
        if _OLD_PATHS.match(path):
            path = f"/api{path}"
        if self._webhook is not None and is_webhook(path) and raw != self._webhook + path.removeprefix(WEBHOOK):
            raise NotFoundException
        return prefix, path


def decoded(parameters: Mapping[str, str]) -> dict[str, str]:
    """Path parameters without their percent-encoding; raises `NotFoundException` where it is none, or no UTF-8."""
    if any(_BAD_ESCAPE.search(value) for value in parameters.values()):
        raise NotFoundException
    try:
        return {name: unquote(value, errors="strict") for name, value in parameters.items()}
    except UnicodeDecodeError:
        raise NotFoundException from None
