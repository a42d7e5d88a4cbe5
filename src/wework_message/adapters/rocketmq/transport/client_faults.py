"""Three faults of the official client, mended once at its import.

A body that it cannot decompress makes its whole receive fail, again and again: nothing behind it is delivered. And its
channels follow `http_proxy` of the environment, which is for the web and not for a cluster. And with TLS they trust only the authorities
that gRPC brings.
"""

import importlib
import zlib
from contextvars import ContextVar
from typing import Any, Final

from wework_message.adapters.tls import TlsFiles

MAX_BODY_BYTES: Final = 16_777_216
"""Of a decompressed body; four times what brokers take. A small body may claim to be gigabytes."""

UNREADABLE: Final = "unreadable"
"""Attribute of a message: why its body could not be decoded. Then the body is as the broker stored it."""

_IDENTITY: Final = 1
"""`Encoding.IDENTITY` of the protocol."""

_FORMATS: Final = {b"\x04\x22\x4d\x18": "LZ4", b"\x28\xb5\x2f\xfd": "ZSTD"}
"""By the first bytes. A proxy says GZIP of every compressed body, whatever a Java producer compressed it with."""

_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32

_files: Final[ContextVar[TlsFiles | None]] = ContextVar("files", default=None)
"""Those of the channel that is being created."""

_DIRECT: Final = ("grpc.enable_http_proxy", 0)


def mend(client: Any) -> None:
    """Change the module `rocketmq`, once."""
    _read_any_body(client.Message)
    channels: Any = importlib.import_module(f"{client.__name__}.v5.client.connection.rpc_channel")
    channels.aio = _Direct(channels.aio)
    _trust_by_files(channels.RpcChannel)


def decompressed(body: bytes) -> tuple[bytes, str | None]:
    """The body, and why it is unreadable: then it is as it came."""
    for beginning, name in _FORMATS.items():
        if body.startswith(beginning):
            return body, f"it is compressed with {name}, which the client cannot decompress; producers may use zlib"
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        decoded = decoder.decompress(body, MAX_BODY_BYTES)
    except zlib.error:
        return body, "it cannot be decompressed"
    if decoder.unconsumed_tail:
        return body, f"it is larger than {MAX_BODY_BYTES} bytes once it is decompressed"
    return (decoded, None) if decoder.eof else (body, "its compressed data are cut off")


def _read_any_body(message_class: Any) -> None:
    read = message_class.fromProtobuf

    def from_protobuf(self: Any, message: Any) -> Any:
        problem = None
        if message.system_properties.body_encoding != _IDENTITY:
            message.body, problem = decompressed(message.body)
            message.system_properties.body_encoding = _IDENTITY
            message.system_properties.ClearField("body_digest")  # of the compressed bytes
        setattr(self, UNREADABLE, problem)
        return read(self, message)

    message_class.fromProtobuf = from_protobuf


def _trust_by_files(channel_class: Any) -> None:
    """A client passes its `tls_enable` on to its channels, which only ask whether it is true: it may be the files."""
    create = channel_class.create_channel

    def create_channel(self: Any, loop: Any) -> None:
        enabled = self._RpcChannel__tls_enabled
        token = _files.set(enabled if isinstance(enabled, TlsFiles) else None)
        try:
            create(self, loop)
        finally:
            _files.reset(token)

    channel_class.create_channel = create_channel


class _Direct:
    """`grpc.aio`, whose channels use no proxy."""

    def __init__(self, aio: Any) -> None:
        self._aio = aio

    def __getattr__(self, name: str) -> Any:
        return getattr(self._aio, name)

    def insecure_channel(self, target: str, options: Any) -> Any:
        return self._aio.insecure_channel(target, [*options, _DIRECT])

    def secure_channel(self, target: str, credentials: Any, options: Any) -> Any:
        if (files := _files.get()) is not None:
            from wework_message.adapters.rocketmq.transport.channel_credentials import channel_credentials  # noqa: PLC0415 -- gRPC is an extra

            credentials = channel_credentials(files)
        return self._aio.secure_channel(target, credentials, [*options, _DIRECT])
