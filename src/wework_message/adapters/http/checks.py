"""Checks of the connection to a server: its name, port and certificate. Every adapter may use them for its server."""

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from wework_message.adapters.http.origin import Origin
from wework_message.adapters.tls import ClientTls, TlsFiles
from wework_message.domain.ports.checks import Check, Fault, Finding

EXPIRES_SOON_DAYS: Final = 14
"""A certificate that is valid for fewer days gives a warning."""

_MAX_SHOWN: Final = 3


@dataclass(slots=True)
class Endpoint:
    """A host and a port, with the addresses of the host."""

    host: str
    port: int
    addresses: Sequence[Any] = field(default=())
    """The result of `socket.getaddrinfo`."""

    def __str__(self) -> str:
        """``host:port``, with an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def reaching(name: str, host: str, port: int, *, setting: str, after: str | None = None) -> tuple[Check, Check]:
    """``<name>.dns`` and ``<name>.tcp`` of a server whose address is in the setting `setting`."""
    endpoint = Endpoint(host, port)
    dns = Check(
        f"{name}.dns", lambda: _resolve(endpoint, setting), after=after, advice="ask the machine's name server why"
    )
    tcp = Check(f"{name}.tcp", lambda: _connect(endpoint, setting), after=dns.name, advice=_no_connection(setting))
    return dns, tcp


def secured(name: str, host: str, port: int, *, tls: ClientTls | None = None) -> Check:
    """``<name>.tls``: the certificate is trusted, is for the host, and does not expire soon. `tls`: that of the link, if it has files."""
    return Check(
        f"{name}.tls", lambda: _shake_hands(host, port, tls or ClientTls()), after=f"{name}.tcp", fault=Fault.UNAVAILABLE,
        advice="look whether it speaks TLS on this port",
    )  # fmt: skip


def reaching_url(name: str, base_url: str, *, setting: str, ca_file: Path | None = None) -> tuple[Check, ...]:
    """DNS, TCP, and TLS for https; checks of calls come after the last of them."""
    origin = Origin(base_url)
    checks = reaching(name, origin.host, origin.port, setting=setting)
    tls = ClientTls(TlsFiles(ca_file=ca_file))
    return (*checks, secured(name, origin.host, origin.port, tls=tls)) if origin.secure else checks


def clear_text(name: str, host: str, *, after: str, setting: str) -> Check:
    """``<name>.tls`` of a link that is not encrypted: a warning where the server is on another machine."""

    async def finding() -> Finding:
        if is_loopback(host):
            return Finding.ok("clear text, within this machine")
        return Finding.warning(
            f"the link to {host} is in clear text: who is on the way can read and change it", f"set {setting}"
        )

    return Check(f"{name}.tls", finding, after=after, fault=Fault.SETTINGS)


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without brackets, is this machine by its spelling; nothing is looked up."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _resolve(endpoint: Endpoint, setting: str) -> Finding:
    try:
        endpoint.addresses = await _addresses(endpoint.host, endpoint.port)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such name"
        return Finding.failed(f"{endpoint.host}: {reason}", f"correct {setting}, or the name server's entry")
    addresses = list(dict.fromkeys(str(address[4][0]) for address in endpoint.addresses))
    if addresses == [endpoint.host]:
        return Finding.ok(f"{endpoint.host} is an address")
    more = f" and {len(addresses) - _MAX_SHOWN} more" if len(addresses) > _MAX_SHOWN else ""
    return Finding.ok(f"{endpoint.host} is {', '.join(addresses[:_MAX_SHOWN])}{more}")


async def _addresses(host: str, port: int) -> Sequence[Any]:
    """`getaddrinfo` in a daemon thread: a name server that hangs must not prevent the end of the process."""
    if _is_address(host):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    loop = asyncio.get_running_loop()
    result: Future[Sequence[Any]] = Future()
    is_resolved = asyncio.Event()

    def resolve() -> None:
        try:
            result.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            result.set_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(is_resolved.set)

    threading.Thread(target=resolve, name="resolve", daemon=True).start()
    await is_resolved.wait()
    return result.result()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def _connect(endpoint: Endpoint, setting: str) -> Finding:
    last_error: OSError | None = None
    for family, kind, protocol, _, address in endpoint.addresses:
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, address)
        except OSError as error:
            last_error = error
        else:
            return Finding.ok(f"{endpoint} takes connections")
        finally:
            connection.close()
    reason = os.strerror(last_error.errno) if last_error is not None and last_error.errno else "no connection"
    return Finding.failed(f"{endpoint}: {reason}", _no_connection(setting))


def _no_connection(setting: str) -> str:
    return f"start the server, open the firewall, or correct {setting}"


async def _shake_hands(host: str, port: int, tls: ClientTls) -> Finding:
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=tls.context())
    except ssl.SSLCertVerificationError as error:
        return Finding.failed(
            f"the certificate is refused: {error.verify_message}", "renew it, or trust its issuer on this machine"
        )
    except (ssl.SSLError, OSError) as error:
        return Finding.failed(
            f"no TLS: {getattr(error, 'reason', None) or type(error).__name__}", "look whether it speaks TLS here"
        )
    try:
        return expiry_finding(str((writer.get_extra_info("peercert") or {})["notAfter"]))
    finally:
        writer.transport.abort()


def expiry_finding(not_after: str) -> Finding:
    """How long a certificate is still valid; `not_after` as certificates spell it, such as ``Aug 23 08:00:00 2027 GMT``."""
    try:
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    except ValueError:
        return Finding.ok("the end of the certificate is not known")
    now = datetime.now(UTC)
    text = f"the certificate is valid for {(until - now).days} more days, until {until:%Y-%m-%d}"
    if (until - now).days < EXPIRES_SOON_DAYS:
        return Finding.warning(text, "have it renewed")
    return Finding.ok(text)
