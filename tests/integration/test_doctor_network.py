import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.checks import examined, verdicts
from tests.support.servers.ports import free_port

from wework_message.adapters.http import checks
from wework_message.adapters.http.checks import reaching, reaching_url

Certificate = Callable[..., tuple[Path, Path]]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command makes the certificates")

    def make(days: int, name: str = "localhost") -> tuple[Path, Path]:
        cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", str(days), "-subj", "/CN=provider", "-addext", f"subjectAltName=DNS:{name}"]
        subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
        return cert, key

    return make


@asynccontextmanager
async def listening(pair: tuple[Path, Path] | None = None) -> AsyncIterator[int]:
    context = None
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_server_that_listens_is_found_by_name_and_port() -> None:
    async with listening() as port:
        examinations = await examined(reaching("x", "localhost", port, setting="redis.url"))
    assert verdicts(examinations) == {"x.dns": "ok", "x.tcp": "ok"}
    assert "127.0.0.1" in examinations["x.dns"].finding.text


async def test_an_unknown_name_fails_before_anything_is_connected() -> None:
    examinations = await examined(reaching("x", "no-such-host.invalid", 80, setting="redis.url"))
    assert verdicts(examinations) == {"x.dns": "failed", "x.tcp": "skipped"}
    assert "redis.url" in str(examinations["x.dns"].finding.advice)


async def test_a_closed_port_fails_with_the_setting_that_named_it() -> None:
    examinations = await examined(reaching("x", "127.0.0.1", free_port(), setting="redis.url"))
    assert verdicts(examinations) == {"x.dns": "ok", "x.tcp": "failed"}
    assert "refused" in examinations["x.tcp"].finding.text
    assert "redis.url" in str(examinations["x.tcp"].finding.advice)


async def test_a_name_server_that_hangs_costs_its_deadline_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hung.wait(60))
    try:
        examinations = await examined(reaching("x", "slow.example", 80, setting="redis.url"), deadline_s=0.05)
    finally:
        hung.set()
    assert verdicts(examinations) == {"x.dns": "failed", "x.tcp": "skipped"}
    assert examinations["x.dns"].finding.text == "no answer within 0.05 s"


async def test_a_valid_certificate_shows_its_days(certificate: Certificate) -> None:
    pair = certificate(90)
    async with listening(pair) as port:
        examinations = await examined(reaching_url("p", f"https://localhost:{port}/v1", setting="url", ca_file=pair[0]))
    assert verdicts(examinations) == {"p.dns": "ok", "p.tcp": "ok", "p.tls": "ok"}
    assert "89 more days" in examinations["p.tls"].finding.text


async def test_a_certificate_that_ends_soon_is_a_warning(certificate: Certificate) -> None:
    pair = certificate(3)
    async with listening(pair) as port:
        examinations = await examined(reaching_url("p", f"https://localhost:{port}", setting="url", ca_file=pair[0]))
    assert verdicts(examinations)["p.tls"] == "warning"
    assert "2 more days" in examinations["p.tls"].finding.text


async def test_an_untrusted_certificate_or_one_for_another_name_fails(certificate: Certificate) -> None:
    pair = certificate(90, "elsewhere.example")
    async with listening(pair) as port:
        url = f"https://localhost:{port}"
        stranger = await examined(reaching_url("p", url, setting="url"))
        other = await examined(reaching_url("p", url, setting="url", ca_file=pair[0]))
    assert verdicts(stranger)["p.tls"] == verdicts(other)["p.tls"] == "failed"
    assert "self-signed" in stranger["p.tls"].finding.text
    assert "Hostname mismatch" in other["p.tls"].finding.text


async def test_a_server_without_tls_fails_the_handshake() -> None:
    async with listening() as port:
        examinations = await examined(reaching_url("p", f"https://localhost:{port}", setting="url"))
    assert verdicts(examinations) == {"p.dns": "ok", "p.tcp": "ok", "p.tls": "failed"}


def test_http_needs_no_certificate() -> None:
    assert [check.name for check in reaching_url("p", "http://h:1", setting="url")] == ["p.dns", "p.tcp"]
    assert checks.EXPIRES_SOON_DAYS == 14
