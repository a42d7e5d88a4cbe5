"""TLS as a client: whom it trusts, whose name must be in the certificate, and why a server was refused (ADR 75).

Nothing here turns the check of a certificate off, and nothing falls back to clear text.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

REFUSED_NAME: Final = "its certificate is for another host"
REFUSED_ISSUER: Final = "the issuer of its certificate is not trusted"
EXPIRED: Final = "its certificate has expired"
NOT_TLS: Final = "it does not speak TLS"

_BY_VERIFY_CODE: Final = {
    2: REFUSED_ISSUER,
    9: "its certificate is not valid yet",
    10: EXPIRED,
    18: REFUSED_ISSUER,
    19: REFUSED_ISSUER,
    20: REFUSED_ISSUER,
    21: REFUSED_ISSUER,
    23: "its certificate is revoked",
    62: REFUSED_NAME,
    64: REFUSED_NAME,
}
"""Codes of OpenSSL (x509_vfy.h)."""

_BY_REASON: Final = {
    "WRONG_VERSION_NUMBER": NOT_TLS,
    "HTTP_REQUEST": NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": NOT_TLS,
    "RECORD_LAYER_FAILURE": NOT_TLS,
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS below 1.2",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks only versions of TLS below 1.2",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a certificate of ours",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refuses our handshake; it may ask for a certificate of ours",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it refuses our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it refuses our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it refuses our certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "it refuses our certificate",
}


def verifying_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A context that trusts `ca_file`, or the machine's authorities; TLS 1.2 or newer. The machine's take about 20 ms to load.

    The certificate must name the host. Raises `OSError` where the file cannot be used.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files, PEM, of a link to one server, and what the server's certificate must say."""

    ca_file: Path | None = None
    """The authorities to trust; None = those of the machine."""
    cert_file: Path | None = None
    """Our certificate, for a server that asks for one, with the chain behind it."""
    key_file: Path | None = None
    """Its key, without a passphrase."""
    names_host: bool = True
    """Whether the certificate must name the host; False is for a private authority that has made one certificate only."""

    def load(self, context: ssl.SSLContext) -> None:
        """Load our certificate, where there is one. Raises `OSError`."""
        if self.cert_file is not None:
            # An empty passphrase: without one, OpenSSL would ask the terminal for it.
            context.load_cert_chain(self.cert_file, self.key_file, password="")


@dataclass(slots=True)
class ClientTls:
    """TLS of a link to one server. A file that is replaced is used from the next connection on."""

    files: TlsFiles = field(default_factory=TlsFiles)
    _made: ssl.SSLContext | None = None
    _stamps: tuple[tuple[int, int, int], ...] = ()

    def context(self) -> ssl.SSLContext:
        """The context of the next connection.

        Raises `OSError` where a file cannot be used; one that was used before stays in use while its successor cannot be.
        """
        try:
            stamps = self._current()
            if self._made is None or stamps != self._stamps:
                self._made, self._stamps = self._make(), stamps
        except OSError:
            if self._made is None:
                raise
        return self._made

    def _make(self) -> ssl.SSLContext:
        context = verifying_context(self.files.ca_file)
        context.check_hostname = self.files.names_host
        self.files.load(context)
        return context

    def _current(self) -> tuple[tuple[int, int, int], ...]:
        paths = (self.files.ca_file, self.files.cert_file, self.files.key_file)
        states = [path.stat() for path in paths if path is not None]
        return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in states)


def refusal(error: BaseException | None) -> str | None:
    """Why TLS with a server failed, by the error or its causes; None where TLS is not the reason.

    In words of our own: the texts of OpenSSL have names of hosts.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return _BY_VERIFY_CODE.get(error.verify_code, "its certificate is refused")
        if isinstance(error, ssl.SSLError):
            return _BY_REASON.get(error.reason or "", "the TLS handshake failed")
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
