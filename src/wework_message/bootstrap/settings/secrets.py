"""Values that are never printed: passwords, keys, and URLs that carry a password."""

import re
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from wework_message.adapters.host_names import host_and_port
from wework_message.bootstrap.settings.places import is_http_url

MASK: Final = "***"
SIMULATOR: Final = "simulator"
"""The value of `api-base-url` that asks for the built-in simulator explicitly, in any profile."""

_USERINFO = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.:-]*://)(?P<userinfo>.*)@", re.DOTALL)
_REDIS_URL = re.compile(r"rediss?://((?P<userinfo>[^/?#@\s\[\]]*)@)?(?P<address>[^/?#@\s]+)(/[0-9]{0,7})?")
_SECRET_OPTION = re.compile(r"([?&;](?:[^=&;]*(?:password|passwd|pwd|secret|token|key)[^=&;]*)=)[^&;#]*", re.IGNORECASE)


class Secret:
    """A text that shows as ``***`` wherever it is printed, logged or formatted; `reveal` returns it.

    Two secrets are equal when their texts are.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; for the one call that needs it."""
        return self._text

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return str(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and type(other) is type(self) and other._text == self._text

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._text))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


class SecretUrl(Secret):
    """A URL that prints without its password and without secret-looking options."""

    __slots__ = ()

    @property
    def scheme(self) -> str:
        """The text before ``://``, in lower case; empty where there is none."""
        head, separator, _ = self._text.partition("://")
        return head.lower() if separator else ""

    def __str__(self) -> str:
        return masked_url(self._text)


class RedisUrl(SecretUrl):
    """The URL of a Redis server; options in it would undo our time limits, or the check of the server's certificate.

    Raises `ValueError` for any other text, without quoting it.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        super().__init__(text)
        match = _REDIS_URL.fullmatch(text)
        if match is None or host_and_port(match["address"]) is None:
            raise ValueError("not the URL of a Redis server")
        try:
            urlsplit(text)  # it refuses characters that some programs read as the end of the host
            unquote(match["userinfo"] or "", errors="strict")
        except ValueError:
            raise ValueError("its user or password has characters that must be %XX") from None


class ProviderUrl(Secret):
    """A provider's base URL, or `SIMULATOR`. It prints without its path, which at some providers holds a token.

    Raises `ValueError` for any other text, without quoting it.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if text == SIMULATOR:
            return
        if not is_http_url(text):
            raise ValueError("not a base URL")

    @property
    def is_simulator(self) -> bool:
        """Whether it asks for the built-in simulator."""
        return self._text == SIMULATOR

    def __str__(self) -> str:
        return self._text if self.is_simulator else shown_origin(self._text)


class CallbackUrl(ProviderUrl):
    """Where a provider sends callbacks. It prints without its path, which may hold a secret.

    Raises `ValueError` for any text that is no http or https URL without options, without quoting it.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if self.is_simulator:
            raise ValueError("not a URL")


def shown_origin(url: str) -> str:
    """``scheme://host[:port]`` of an http URL; path, query and user information may hold secrets and are left out."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0].rpartition('@')[2]}"


def masked_url(url: str) -> str:
    """`url` with its password and secret-looking options as ``***``; all of it where it is no URL.

    Everything up to the last ``@`` counts as user information: a password with an unescaped ``@`` or ``/`` stays hidden.
    """
    if "://" not in url:
        return MASK

    def hide(match: re.Match[str]) -> str:
        user, colon, _ = match["userinfo"].partition(":")
        return f"{match['scheme']}{user}:{MASK}@" if colon else f"{match['scheme']}{MASK}@"

    return _SECRET_OPTION.sub(rf"\g<1>{MASK}", _USERINFO.sub(hide, url))
