import ssl
from pathlib import Path

import pytest
from tests.support.authority import Authority

from wework_message.adapters import tls
from wework_message.adapters.http import verifying_context
from wework_message.adapters.tls import ClientTls, TlsFiles, refusal


def verification(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: db.example.com")
    error.verify_code = code
    return error


def handshake(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"{reason} at db.example.com")
    error.reason = reason
    return error


@pytest.mark.parametrize("make", [tls.verifying_context, verifying_context, ClientTls().context])
def test_a_context_verifies_certificate_and_host_and_speaks_nothing_older_than_tls_1_2(make: object) -> None:
    context = make()  # type: ignore[operator]  # one of three functions
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_without_the_name_the_certificate_is_still_verified(tmp_path: Path) -> None:
    context = ClientTls(TlsFiles(Authority(tmp_path).ca_file, names_host=False)).context()
    assert not context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert [issuer["issuer"] for issuer in context.get_ca_certs()], "only the file's authorities"
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (verification(10), "its certificate has expired"),
        (verification(9), "its certificate is not valid yet"),
        (verification(62), "its certificate is for another host"),
        (verification(64), "its certificate is for another host"),
        (verification(19), "the issuer of its certificate is not trusted"),
        (verification(20), "the issuer of its certificate is not trusted"),
        (verification(99), "its certificate is refused"),
        (handshake("WRONG_VERSION_NUMBER"), "it does not speak TLS"),
        (handshake("UNSUPPORTED_PROTOCOL"), "it speaks only versions of TLS below 1.2"),
        (handshake("TLSV1_ALERT_UNKNOWN_CA"), "it refuses our certificate"),
        (handshake("SOMETHING_ELSE"), "the TLS handshake failed"),
        (OSError("no route to db.example.com"), None),
        (None, None),
    ],
)
def test_the_reason_is_in_our_words_and_names_no_host(error: BaseException | None, reason: str | None) -> None:
    assert refusal(error) == reason


def test_the_reason_is_that_of_the_cause_and_a_ring_of_causes_ends() -> None:
    outer, inner = ConnectionError("of a library"), RuntimeError("of another")
    outer.__cause__, inner.__context__ = inner, verification(10)
    assert refusal(outer) == "its certificate has expired"
    inner.__context__ = outer
    assert refusal(outer) is None


def test_files_that_changed_are_read_for_the_next_context_and_else_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue()
    link = ClientTls(TlsFiles(authority.ca_file, cert, key))
    first = link.context()
    assert link.context() is first
    authority.issue(into=(cert, key))
    second = link.context()
    assert second is not first
    key.unlink()
    assert link.context() is second, "the last ones that could be used stay in use"


def test_files_that_never_could_be_used_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):  # noqa: PT011 -- whichever the file causes
        ClientTls(TlsFiles(tmp_path / "none.pem")).context()


def test_a_key_with_a_passphrase_is_an_error_and_asks_nobody(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    cert, key = Authority(tmp_path).issue()
    private = load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")))
    with pytest.raises(ssl.SSLError):
        ClientTls(TlsFiles(None, cert, key)).context()
