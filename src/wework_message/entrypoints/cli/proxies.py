"""The proxy and the certificates that the environment names, for a service on another machine.

httpx reads them too, but fails on what others accept: networks in NO_PROXY, socks, a certificate file that is not there.
"""

import os
import ssl
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib import request as environment
from urllib.parse import urlsplit

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

_SUPPORTED: Final = ("http://", "https://")
_MAX_CAUSES: Final = 10
"""Of an error; causes may form a ring."""

_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def proxy_for(url: str) -> str | None:
    """The proxy for `url`; None = none: it is on this machine, the environment names none, or exempts the host.

    Raises `CommandFailedError` where the proxy is of a kind that cannot be used.
    """
    parts = _parts(url)
    host = parts[1]
    proxies = environment.getproxies_environment()
    proxy = proxies.get(parts[0]) or proxies.get("all")
    if not proxy or is_local(host) or _is_exempt(host, proxies.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(_SUPPORTED):
        raise CommandFailedError(
            ExitCode.CONFIGURATION,
            f"the environment's proxy for {host} is {proxy.partition('://')[0]}, which is not supported",
            f"add {host} to NO_PROXY, or name an http proxy",
        )
    return proxy


def is_local(host: str) -> bool:
    """Whether the host is this machine."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def refused_certificate(error: BaseException | None) -> str | None:
    """Why the service's certificate was refused, by an error or its causes; None where that is not the reason."""
    for _ in range(_MAX_CAUSES):
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__ if error is not None else None
    return None


def certificates(url: str) -> ssl.SSLContext | bool:
    """For httpx's `verify`: what SSL_CERT_FILE and SSL_CERT_DIR name, or httpx's own. Raises `CommandFailedError`.

    Without https none are read (that takes as long as a short command): whoever asks for TLS all the same is trusted by nobody.
    """
    if _parts(url)[0] != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    file, folder = (os.environ.get(name) or None for name in _CERTIFICATES)
    if file is None and folder is None:
        return True
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except (OSError, ssl.SSLError) as error:
        raise CommandFailedError(
            ExitCode.CONFIGURATION,
            f"the certificates of {' and '.join(_CERTIFICATES)} cannot be read: {error.strerror or type(error).__name__}",
            "correct the variable, or remove it",
        ) from None


def _is_exempt(host: str, no_proxy: str) -> bool:
    if environment.proxy_bypass_environment(host, {"no": no_proxy}):  # type: ignore[attr-defined]  # the stubs lack it
        return True
    address = _address(host)
    return address is not None and any(_contains(entry.strip(), address) for entry in no_proxy.split(","))


def _contains(entry: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:  # a name
        return False


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host; empty where the URL has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""
