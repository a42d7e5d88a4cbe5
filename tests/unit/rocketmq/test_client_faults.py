"""What the official client cannot do by itself: read any body, and leave the environment's proxies alone."""

import gzip
import socket
import threading
import zlib
from typing import Any

import pytest
from tests.support.polling import until

from wework_message.adapters.rocketmq.transport import client_faults
from wework_message.adapters.rocketmq.transport.client import load_client
from wework_message.adapters.rocketmq.transport.client_faults import UNREADABLE, decompressed
from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.transport.port import PublishError
from wework_message.adapters.tls import TlsFiles

LZ4 = b"\x04\x22\x4d\x18" + b"body"
ZSTD = b"\x28\xb5\x2f\xfd" + b"body"


def received(body: bytes, encoding: str) -> Any:
    """What the client makes of a message as the proxy sends it."""
    client = load_client()
    from rocketmq.grpc_protocol import definition_pb2  # type: ignore[import-untyped]

    message = definition_pb2.Message(body=body)
    message.topic.name = "orders"
    message.system_properties.body_encoding = definition_pb2.Encoding.Value(encoding)
    message.system_properties.body_digest.type = definition_pb2.DigestType.Value("CRC32")
    return client.Message().fromProtobuf(message)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"plain", "IDENTITY"), (zlib.compress(b"plain"), "GZIP"), (gzip.compress(b"plain"), "GZIP")],
    ids=["plain", "zlib", "gzip"],
)
def test_bodies_that_it_knows_are_read(body: bytes, encoding: str) -> None:
    message = received(body, encoding)
    assert (message.body, getattr(message, UNREADABLE), message.topic) == (b"plain", None, "orders")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (LZ4, "LZ4"), (ZSTD, "ZSTD"), (b"noise", "cannot be decompressed"), (b"", "cut off"),
        (zlib.compress(b"plain" * 99)[:-9], "cut off"),
    ],
    ids=["LZ4", "ZSTD", "noise", "empty", "cut"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["GZIP", "ENCODING_UNSPECIFIED"])
def test_a_body_that_it_cannot_read_is_kept_as_it_came_with_the_reason(body: bytes, why: str, encoding: str) -> None:
    message = received(body, encoding)
    assert message.body == body
    assert why in getattr(message, UNREADABLE)


def test_a_small_body_that_claims_to_be_large_is_not_decompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_faults, "MAX_BODY_BYTES", 1_000)
    assert decompressed(zlib.compress(b"\0" * 1_000)) == (b"\0" * 1_000, None)
    bomb = zlib.compress(b"\0" * 1_001)
    body, why = decompressed(bomb)
    assert body == bomb
    assert why is not None
    assert "larger than 1000 bytes" in why


class Listener:
    """Counts connections, and closes them."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            peer.close()

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
@pytest.mark.parametrize("tls", [False, True])
async def test_the_proxy_of_the_environment_never_sees_the_cluster(
    monkeypatch: pytest.MonkeyPatch, variable: str, *, tls: bool
) -> None:
    proxy, broker = Listener(), Listener()
    monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
    transport = GrpcTransport(
        Target(f"127.0.0.1:{broker.port}", tls=TlsFiles() if tls else None, request_timeout_s=1, tries=1)
    )
    try:
        with pytest.raises(PublishError):
            await transport.publish("orders", b"body")

        async def reached() -> bool:
            return broker.connections > 0

        await until(reached)
        assert proxy.connections == 0
    finally:
        await transport.close()
        proxy.close()
        broker.close()
