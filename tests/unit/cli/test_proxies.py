"""Proxies and certificates of the environment: only for other machines, and never the end of a command by a bug."""

import ssl
from pathlib import Path

import certifi
import pytest
from tests.support.apps.command_line import FakeService, good

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.proxies import certificates, proxy_for, refused_certificate

ELSEWHERE = "http://gateway.example:8082/message"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        for variable in (name, name.upper()):
            monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, ELSEWHERE, None),
        ({"http_proxy": "http://proxy:3128"}, ELSEWHERE, "http://proxy:3128"),
        ({"http_proxy": "proxy:3128"}, ELSEWHERE, "http://proxy:3128"),
        ({"ALL_PROXY": "https://proxy"}, ELSEWHERE, "https://proxy"),
        ({"https_proxy": "http://proxy:3128"}, ELSEWHERE, None),
        ({"http_proxy": "http://proxy", "NO_PROXY": "*"}, ELSEWHERE, None),
        ({"http_proxy": "http://proxy", "NO_PROXY": ".example"}, ELSEWHERE, None),
        ({"http_proxy": "http://proxy", "NO_PROXY": "fd00::/8,[fe80::]/10"}, ELSEWHERE, "http://proxy"),
        ({"http_proxy": "http://proxy", "NO_PROXY": "fd00::/8"}, "http://[fd00::7]:8082", None),
        ({"http_proxy": "http://proxy", "NO_PROXY": "fd00::/8"}, "http://[2001::7]:8082", "http://proxy"),
        ({"http_proxy": "http://proxy", "NO_PROXY": "10.0.0.0/8"}, "http://10.1.2.3:8082", None),
        ({"all_proxy": "socks5://proxy", "NO_PROXY": "example"}, ELSEWHERE, None),
        ({"all_proxy": "socks5://proxy"}, "http://127.8.9.1:8082", None),
        ({"all_proxy": "socks5://proxy"}, "http://[::1]:8082", None),
        ({"all_proxy": "socks5://proxy"}, "http://LOCALHOST:8082", None),
    ],
)
def test_the_proxy_is_that_of_the_environment_for_other_machines(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy
    ServiceClient(url)


@pytest.mark.parametrize("proxy", ["socks5://proxy", "ftp://proxy", "http://[::1", "http://proxy:port"])
def test_a_proxy_that_cannot_be_used_is_a_fault_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(CommandFailedError) as caught:
        ServiceClient(ELSEWHERE)
    assert caught.value.code is ExitCode.CONFIGURATION


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_matter_only_where_they_are_used(
    monkeypatch: pytest.MonkeyPatch, variable: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    assert isinstance(certificates(ELSEWHERE), ssl.SSLContext)
    ServiceClient(ELSEWHERE)
    if variable == "SSL_CERT_FILE":
        with pytest.raises(CommandFailedError) as caught:
            ServiceClient("https://gateway.example")
        assert caught.value.code is ExitCode.CONFIGURATION


def test_without_https_no_certificate_is_read_and_nobody_is_trusted() -> None:
    context = certificates(ELSEWHERE)
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.cert_store_stats()["x509"]) == (ssl.CERT_REQUIRED, 0)
    assert certificates("https://gateway.example") is True


def test_certificates_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert isinstance(certificates("https://gateway.example"), ssl.SSLContext)


@pytest.mark.parametrize(
    "variables",
    [
        {"all_proxy": "socks5://proxy"}, {"NO_PROXY": "fd00::/8", "http_proxy": "http://proxy"},
        {"SSL_CERT_FILE": "/nowhere"}, {"http_proxy": "://"},
    ],
)  # fmt: skip
def test_no_command_for_this_machine_minds_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = FakeService(answers=[good({"items": [], "nextCursor": None})]).run("dlq", "list")
    assert ended.exit_code == 0


def test_a_refused_certificate_is_the_reason_wherever_it_is_among_the_causes() -> None:
    certificate = ssl.SSLCertVerificationError(1, "certificate verify failed")
    certificate.verify_message = "certificate has expired"
    outer, inner = RuntimeError("of httpx"), RuntimeError("of httpcore")
    outer.__cause__, inner.__context__ = inner, certificate
    assert refused_certificate(outer) == "certificate has expired"
    assert refused_certificate(None) is None
    inner.__context__ = outer
    assert refused_certificate(outer) is None
