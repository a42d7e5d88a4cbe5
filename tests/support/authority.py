"""A certificate authority of a test, and the certificates that servers of tests show."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LOCAL = ("localhost", "127.0.0.1")
"""The names of this machine."""

OTHER = ("other.example.com",)
"""Names that it does not have."""


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = name
        self._numbers = count(1)
        self._authority = trustme.CA(organization_name=name)
        self.ca_file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)

    def issue(
        self, names: tuple[str, ...] = LOCAL, *, expired: bool = False, into: tuple[Path, Path] | None = None
    ) -> tuple[Path, Path]:
        """A certificate for `names` and its key, in new files or `into` these."""
        number = next(self._numbers)
        cert, key = into or (self._folder / f"{self._name}-{number}.pem", self._folder / f"{self._name}-{number}.key")
        not_after = datetime.now(UTC) - timedelta(days=1) if expired else None
        issued = self._authority.issue_cert(*names, common_name=names[0], not_after=not_after)
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        private = load_pem_private_key(issued.private_key_pem.bytes(), None)
        # Netty reads no other form than PKCS#8.
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return cert, key
