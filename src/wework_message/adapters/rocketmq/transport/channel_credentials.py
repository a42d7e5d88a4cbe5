"""TLS of gRPC channels. gRPC always checks the certificate and its name, and speaks TLS 1.2 or newer."""

from typing import Any

import grpc  # type: ignore[import-untyped]  # ships no types

from wework_message.adapters.tls import TlsFiles


def channel_credentials(files: TlsFiles) -> Any:
    """Credentials of the next channel; without a file of authorities, those that gRPC brings are trusted. Raises `OSError`."""
    authorities, certificate, key = (
        path.read_bytes() if path is not None else None for path in (files.ca_file, files.cert_file, files.key_file)
    )
    return grpc.ssl_channel_credentials(authorities, key, certificate)
