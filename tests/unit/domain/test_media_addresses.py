"""Short-lived addresses of contents, and names of files."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.memory.system import SettableClock
from wework_message.application.media.addresses import SignedAddresses
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, MediaId
from wework_message.domain.media.addresses import content_path, is_valid, signature
from wework_message.domain.media.asset import MediaAsset, MediaState
from wework_message.domain.media.file_names import MAX_FILE_NAME, checked_name, name_of_url, plain_name

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
MEDIA = MediaId("00000000-0000-7000-8000-000000000001")
NOW = 1_800_000_000_000
EXPIRES = NOW // 1000 + 60


def test_a_signed_address_is_valid_until_it_expires() -> None:
    signed = signature(KEY, MEDIA, EXPIRES)
    assert content_path(KEY, MEDIA, EXPIRES) == f"/api/media/{MEDIA}/content?expires={EXPIRES}&signature={signed}"
    assert is_valid(KEY, MEDIA, str(EXPIRES), signed, now=EXPIRES * 1000)
    assert not is_valid(KEY, MEDIA, str(EXPIRES), signed, now=EXPIRES * 1000 + 1)


@pytest.mark.parametrize("expires", ["", "x", "-1", "1" * 13, "\u0661", f"{EXPIRES}\n", f"{EXPIRES + 1}"])
def test_another_end_is_not_valid(expires: str) -> None:
    assert not is_valid(KEY, MEDIA, expires, signature(KEY, MEDIA, EXPIRES), now=NOW)


def test_another_key_asset_or_signature_is_not_valid() -> None:
    signed = signature(KEY, MEDIA, EXPIRES)
    assert not is_valid(OTHER_KEY, MEDIA, str(EXPIRES), signed, now=NOW)
    assert not is_valid(KEY, MediaId("other"), str(EXPIRES), signed, now=NOW)
    for wrong in ("", signed[:-1], f"{signed}0", signed.upper(), "\u00e4"):
        assert not is_valid(KEY, MEDIA, str(EXPIRES), wrong, now=NOW)


def test_comparing_a_signature_takes_as_long_whichever_byte_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)  # what takes the same time has the word
    assert not is_valid(KEY, MEDIA, str(EXPIRES), signature(KEY, MEDIA, EXPIRES), now=NOW)


def test_providers_get_an_address_below_the_public_url_or_none() -> None:
    clock = SettableClock(NOW)
    asset = MediaAsset(MEDIA, DEFAULT_TENANT, MediaState.READY, NOW, KEY)
    address = SignedAddresses("https://gateway.example/message/", clock)(asset, valid_s=60)
    assert address == f"https://gateway.example/message{content_path(KEY, MEDIA, EXPIRES)}"
    assert SignedAddresses(None, clock)(asset, valid_s=60) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.png", "a.png"),
        ("C:\\folder\\a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        (" a\r\nb\u202e.png ", "ab.png"),
        ("folder/", None),
        ("", None),
        (".", None),
        ("..", None),
        (".hidden", ".hidden"),
    ],
)
def test_a_plain_name_is_the_last_part_of_a_path(text: str, name: str | None) -> None:
    assert plain_name(text) == name


@given(st.text())
def test_a_plain_name_is_plain_again(text: str) -> None:
    name = plain_name(text)
    assert name is None or (plain_name(name) == name and name.isprintable() and "/" not in name)


def test_a_name_that_a_client_chose_is_taken_as_it_is_or_refused() -> None:
    assert checked_name("fileName", "图 1.png") == "图 1.png"
    for text in ("", "a/b", "a\n", " a", "..", "a" * (MAX_FILE_NAME + 1)):
        with pytest.raises(InvalidValueError, match="fileName"):
            checked_name("fileName", text)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://files.example/a/%E5%9B%BE.png?token=x", "图.png"),
        ("https://files.example", None),
        ("https://files.example/a/", None),
        ("https://files.example/%2e%2e", None),
        ("https://files.example/a%2Fb.png", "b.png"),
        ("https://files.example/%ff.png", ".png"),
        ("https://files.example/" + "a" * 300 + ".png", "a" * 251 + ".png"),
    ],
)
def test_the_name_of_a_url_is_the_end_of_its_path(url: str, name: str | None) -> None:
    assert name_of_url(url) == name
