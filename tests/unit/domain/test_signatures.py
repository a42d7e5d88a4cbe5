import base64
import hmac
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.signatures import (
    SignatureCheck,
    SigningSecret,
    check_signature,
    signed_headers,
)

OFFICIAL: Final = (
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330,
        b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553,
        b'{"email":"test@example.com","username":"test_user"}', "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
)  # fmt: skip
"""The fixed values in the tests of the libraries at https://github.com/standard-webhooks/standard-webhooks."""

STRANGERS: Final = (
    "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
    "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
)
"""Signatures of other requests and versions, from the same tests and from the specification."""

SECRET: Final = SigningSecret(b"k" * 24)
OTHER: Final = SigningSecret(b"o" * 64)
NOW: Final = 1_700_000_000_000
BODY: Final = b'{"type":"message.status"}'


def headers(secrets: tuple[SigningSecret, ...] = (SECRET,), now_ms: int = NOW, body: bytes = BODY) -> dict[str, str]:
    return dict(signed_headers(secrets, "evt_1", now_ms, body))


@pytest.mark.parametrize(("secret", "webhook_id", "seconds", "body", "signature"), OFFICIAL)
def test_the_official_vectors_are_signed_and_verified(
    secret: str, webhook_id: str, seconds: int, body: bytes, signature: str
) -> None:
    key = SigningSecret.parse(secret)
    signed = dict(signed_headers((key,), webhook_id, seconds * 1000 + 999, body))
    assert signed == {
        "webhook-id": webhook_id, "webhook-timestamp": str(seconds), "webhook-signature": signature,
    }  # fmt: skip
    assert check_signature((key,), signed, seconds * 1000, body) is SignatureCheck.VERIFIED
    among = signed | {"webhook-signature": " ".join((*STRANGERS, signature, STRANGERS[0]))}
    assert check_signature((key,), among, seconds * 1000, body) is SignatureCheck.VERIFIED
    without = signed | {"webhook-signature": " ".join(STRANGERS)}
    assert check_signature((key,), without, seconds * 1000, body) is SignatureCheck.MISMATCH


@pytest.mark.parametrize("cut", range(1, 47))
def test_a_part_of_a_signature_proves_nothing(cut: int) -> None:
    signed = headers()
    signed["webhook-signature"] = signed["webhook-signature"][:cut]
    assert check_signature((SECRET,), signed, NOW, BODY) is SignatureCheck.MISMATCH


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name: str) -> None:
    assert check_signature((SECRET,), headers() | {name: ""}, NOW, BODY) is SignatureCheck.MISSING
    assert (
        check_signature((SECRET,), {key: value for key, value in headers().items() if key != name}, NOW, BODY)
        is SignatureCheck.MISSING
    )


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt.1"},
        {"webhook-id": "evt 1"},
        {"webhook-id": "evt_1\n"},
        {"webhook-id": "é"},
        {"webhook-id": "e" * 257},
        {"webhook-timestamp": "hello"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "1700000000.0"},
        {"webhook-timestamp": "1" * 13},
        {"webhook-timestamp": "١٧٠٠٠٠٠٠٠٠"},
    ],
)
def test_an_id_or_a_timestamp_of_another_form_is_malformed(change: dict[str, str]) -> None:
    assert check_signature((SECRET,), headers() | change, NOW, BODY) is SignatureCheck.MALFORMED


@pytest.mark.parametrize(
    ("shift", "check"),
    [
        (300_000, SignatureCheck.VERIFIED),
        (-300_000, SignatureCheck.VERIFIED),
        (300_001, SignatureCheck.STALE),
        (-300_001, SignatureCheck.STALE),
    ],
)
def test_a_request_is_fresh_for_five_minutes_on_both_sides(shift: int, check: SignatureCheck) -> None:
    assert check_signature((SECRET,), headers(), NOW + shift, BODY) is check


def test_comparing_takes_as_long_whichever_byte_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)  # what takes the same time has the word
    assert check_signature((SECRET,), headers(), NOW, BODY) is SignatureCheck.MISMATCH


def test_while_a_secret_is_changed_both_verify() -> None:
    signed = headers((SECRET, OTHER))
    assert len(signed["webhook-signature"].split(" ")) == 2
    for secrets in ((SECRET,), (OTHER,), (OTHER, SECRET)):
        assert check_signature(secrets, signed, NOW, BODY) is SignatureCheck.VERIFIED
    assert check_signature((SigningSecret(b"x" * 24),), signed, NOW, BODY) is SignatureCheck.MISMATCH
    assert check_signature((), signed, NOW, BODY) is SignatureCheck.MISMATCH


@pytest.mark.parametrize("signature", ["\udcff", "v1,ü", " ", "v1,", "v1"])
def test_a_signature_of_any_text_is_a_mismatch(signature: str) -> None:
    assert (
        check_signature((SECRET,), headers() | {"webhook-signature": signature}, NOW, BODY) is SignatureCheck.MISMATCH
    )


@given(
    body=st.binary(max_size=200),
    key=st.binary(min_size=24, max_size=64),
    position=st.integers(0),
    flip=st.integers(1, 255),
)
def test_a_request_verifies_and_an_edited_one_does_not(body: bytes, key: bytes, position: int, flip: int) -> None:
    secret = SigningSecret(key)
    signed = headers((secret,), body=body)
    assert check_signature((secret,), signed, NOW, body) is SignatureCheck.VERIFIED
    edited = bytearray(body or b"\0")
    edited[position % len(edited)] ^= flip
    assert check_signature((secret,), signed, NOW, bytes(edited)) is SignatureCheck.MISMATCH
    assert check_signature((secret,), signed | {"webhook-id": "evt_2"}, NOW, body) is SignatureCheck.MISMATCH
    later = signed | {"webhook-timestamp": str(NOW // 1000 + 1)}
    assert check_signature((secret,), later, NOW, body) is SignatureCheck.MISMATCH


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_is_read_as_it_is_written(key: bytes) -> None:
    text = SigningSecret(key).reveal()
    assert SigningSecret.parse(text).reveal() == text
    assert base64.b64decode(text.removeprefix("whsec_")) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",  # no base64
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==",  # 23 bytes
        "whsec_" + base64.b64encode(b"k" * 65).decode(),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa w",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La!LaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaü1",
    ],
)
def test_another_text_is_no_secret_and_the_error_does_not_quote_it(text: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        SigningSecret.parse(text, path="secrets[1]")
    assert str(raised.value) == "secrets[1]: must be whsec_ and the base64 of 24 to 64 bytes"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("length", [0, 23, 65])
def test_a_key_that_is_too_short_or_too_long_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        SigningSecret(b"k" * length)


def test_a_secret_is_never_printed() -> None:
    assert f"{SECRET} {SECRET!r}" == "*** ***"


@pytest.mark.parametrize(("secrets", "webhook_id"), [((), "evt_1"), ((SECRET,), "evt.1"), ((SECRET,), "")])
def test_nothing_is_signed_without_a_secret_or_an_id(secrets: tuple[SigningSecret, ...], webhook_id: str) -> None:
    with pytest.raises(ValueError, match="a signature needs"):
        signed_headers(secrets, webhook_id, NOW, BODY)
