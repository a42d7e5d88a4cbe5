"""Texts of settings that name a place: a machine, a URL, a file. What is none is refused before anything is opened."""

from ipaddress import AddressValueError, IPv6Address
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from wework_message.adapters.file_paths import is_file_path, is_path
from wework_message.adapters.host_names import host_and_port, is_host

SCHEMES: Final = ("http://", "https://")


def is_listening_host(text: str) -> bool:
    """A host; the zone of an IPv6 address may follow it, as in ``fe80::1%eth0``."""
    address, zone, _ = text.partition("%")
    if not zone:
        return is_host(text)
    try:
        return IPv6Address(text).scope_id is not None and is_host(address)
    except AddressValueError:
        return False


def is_http_url(text: str) -> bool:
    """An http or https URL with a host that can be, and without credentials and options."""
    rest = next((text[len(scheme) :] for scheme in SCHEMES if text.startswith(scheme)), None)
    if rest is None or not (text.isascii() and text.isprintable()) or not {*"?# "}.isdisjoint(text):
        return False
    return host_and_port(rest.partition("/")[0]) is not None


ListeningHost: TypeAlias = Annotated[
    str,
    Meta(
        extra={"allowed": "the name or the address of a machine, without port and brackets", "check": is_listening_host}
    ),
]
FilePath: TypeAlias = Annotated[str, Meta(extra={"allowed": "the path of a file", "check": is_file_path})]
FolderPath: TypeAlias = Annotated[str, Meta(extra={"allowed": "the path of a folder", "check": is_path})]
HttpUrl: TypeAlias = Annotated[
    str, Meta(extra={"allowed": "an http or https URL without credentials and options", "check": is_http_url})
]
