"""The addresses of the cluster, and the credentials of its client."""

from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address

from wework_message.adapters.host_names import NO_PORT, host_and_port
from wework_message.adapters.tls import TlsFiles


def in_namespace(namespace: str | None, name: str) -> str:
    """A topic or a group as brokers call it (NamespaceUtil.wrapNamespace)."""
    return f"{namespace}%{name}" if namespace else name


@dataclass(frozen=True, slots=True)
class Target:
    """The connection settings of a cluster."""

    endpoints: str
    """gRPC proxies, as `proxies` formats them."""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    namespace: str = ""
    tls: TlsFiles | None = None
    """TLS to the proxies; None = clear text."""
    request_timeout_s: int = 3
    tries: int = 3
    """Tries of one publish; the client makes up to three attempts in each."""


def addresses(text: str) -> tuple[tuple[str, int], ...]:
    """Parse ``host:port[;host:port]``. Raises `ValueError` with the allowed form."""
    pairs = []
    for address in filter(None, (part.strip() for part in text.replace(",", ";").split(";"))):
        pair = host_and_port(address)
        if pair is None or pair[1] == NO_PORT or ":" in pair[0]:
            raise ValueError("must be host:port, several separated by semicolons; IPv6 addresses are not supported")
        pairs.append(pair)
    if not pairs:
        raise ValueError("must be host:port")
    return tuple(pairs)


def proxies(text: str) -> str:
    """Format `text` for the client: several IPv4 addresses, or one host. Raises `ValueError`.

    The client fails with an unclear AttributeError on everything else.
    """
    pairs = addresses(text)
    if len(pairs) > 1 and not all(_is_ipv4(host) for host, _ in pairs):
        raise ValueError("must be one host:port, or several IPv4 addresses with ports")
    return ";".join(f"{host}:{port}" for host, port in pairs)


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
