"""How far the way to a server leads: its name, its port, its certificate. Any adapter may offer these checks of its server."""

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
from wework_message.domain.ports.checks import Check, Fault, Finding

EXPIRES_SOON_DAYS: Final = 14
"""A certificate that is valid for fewer days is a warning."""

_SHOWN: Final = 3


@dataclass(slots=True)
class Place:
    """A host and a port, looked up once."""

    host: str
    port: int
    addresses: Sequence[Any] = field(default=())
    """What the look-up found, as `socket.getaddrinfo` has it."""

    def __str__(self) -> str:
        """As people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def reaching(name: str, host: str, port: int, *, setting: str, after: str | None = None) -> tuple[Check, Check]:
    """``<name>.dns`` and ``<name>.tcp`` of a server that the setting `setting` names."""
    place = Place(host, port)
    dns = Check(
        f"{name}.dns", lambda: _look_up(place, setting), after=after, advice="ask the machine's name server why"
    )
    tcp = Check(f"{name}.tcp", lambda: _connect(place, setting), after=dns.name, advice=_no_connection(setting))
    return dns, tcp


def secured(name: str, host: str, port: int, *, ca_file: Path | None = None) -> Check:
    """``<name>.tls``: the certificate is trusted, names the host, and lasts."""
    return Check(
        f"{name}.tls", lambda: _shake_hands(host, port, ca_file), after=f"{name}.tcp", fault=Fault.UNAVAILABLE,
        advice="look whether it speaks TLS on this port",
    )  # fmt: skip


def reaching_url(name: str, base_url: str, *, setting: str, ca_file: Path | None = None) -> tuple[Check, ...]:
    """DNS, TCP, and TLS where it is https; the last one is what a call comes after."""
    origin = Origin(base_url)
    way = reaching(name, origin.host, origin.port, setting=setting)
    return (*way, secured(name, origin.host, origin.port, ca_file=ca_file)) if origin.secure else way


async def _look_up(place: Place, setting: str) -> Finding:
    try:
        place.addresses = await _addresses(place.host, place.port)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such name"
        return Finding.failed(f"{place.host}: {reason}", f"correct {setting}, or the name server's entry")
    found = list(dict.fromkeys(str(address[4][0]) for address in place.addresses))
    if found == [place.host]:
        return Finding.ok(f"{place.host} is an address")
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Finding.ok(f"{place.host} is {', '.join(found[:_SHOWN])}{more}")


async def _addresses(host: str, port: int) -> Sequence[Any]:
    """`getaddrinfo` in a thread that nobody waits for: a name server that hangs must not keep the process from ending."""
    if _is_address(host):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    loop = asyncio.get_running_loop()
    answer: Future[Sequence[Any]] = Future()
    arrived = asyncio.Event()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(arrived.set)

    threading.Thread(target=ask, name="look up", daemon=True).start()
    await arrived.wait()
    return answer.result()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def _connect(place: Place, setting: str) -> Finding:
    last: OSError | None = None
    for family, kind, protocol, _, address in place.addresses:
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, address)
        except OSError as error:
            last = error
        else:
            return Finding.ok(f"{place} takes connections")
        finally:
            connection.close()
    reason = os.strerror(last.errno) if last is not None and last.errno else "no connection"
    return Finding.failed(f"{place}: {reason}", _no_connection(setting))


def _no_connection(setting: str) -> str:
    return f"start the server, open the firewall, or correct {setting}"


async def _shake_hands(host: str, port: int, ca_file: Path | None) -> Finding:
    context = ssl.create_default_context(cafile=ca_file)
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        return Finding.failed(
            f"the certificate is refused: {error.verify_message}", "renew it, or trust its issuer on this machine"
        )
    except (ssl.SSLError, OSError) as error:
        return Finding.failed(
            f"no TLS: {getattr(error, 'reason', None) or type(error).__name__}", "look whether it speaks TLS here"
        )
    try:
        return _lasting(writer.get_extra_info("peercert") or {}, now=datetime.now(UTC))
    finally:
        writer.transport.abort()


def _lasting(certificate: dict[str, Any], *, now: datetime) -> Finding:
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    text = f"the certificate is valid for {(until - now).days} more days, until {until:%Y-%m-%d}"
    if (until - now).days < EXPIRES_SOON_DAYS:
        return Finding.warning(text, "have it renewed")
    return Finding.ok(text)
