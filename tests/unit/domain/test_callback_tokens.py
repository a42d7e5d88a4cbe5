"""What a callback token is good for, and what is kept of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import GUID, NOW, PROVIDER

from wework_message.domain.callback_tokens import (
    MAX_TOKENS,
    RANDOM_BYTES,
    CallbackToken,
    TooManyTokensError,
    are_of,
    is_token,
    is_well_formed,
    new_token,
)
from wework_message.domain.digests import digest_of
from wework_message.domain.ids import DEFAULT_TENANT, Guid

CODES = st.from_regex(r"[A-Z0-9_]{1,32}", fullmatch=True)


def made(unguessable: bytes = bytes(range(32))) -> tuple[str, CallbackToken]:
    return new_token(unguessable, tenant_id=DEFAULT_TENANT, provider_code=PROVIDER, guid=None, now=NOW)


def test_of_a_token_only_its_hash_is_kept() -> None:
    text, token = made()
    assert text == "cb_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert token.digest == digest_of(text)
    assert len(token.digest) == 64
    assert token.token_id == token.digest[:16]
    assert text[3:] not in repr(token)
    assert (token.tenant_id, token.provider_code, token.guid) == (DEFAULT_TENANT, PROVIDER, None)
    assert (token.created_at, token.ends_at) == (NOW, None)


def test_a_token_has_all_of_its_unguessable_bytes_and_is_not_made_of_fewer() -> None:
    texts = {made(bytes(place) + b"\x01" + bytes(31 - place))[0] for place in range(32)}
    assert len(texts) == 32
    with pytest.raises(ValueError, match="32"):
        made(bytes(RANDOM_BYTES - 1))


@given(unguessable=st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES), code=CODES)
def test_no_provider_code_is_a_token_and_every_token_is_one_for_a_path(unguessable: bytes, code: str) -> None:
    text, _ = made(unguessable)
    assert is_token(text)
    assert is_well_formed(text)
    assert not is_token(code)


@pytest.mark.parametrize(
    "text", ["cb_", "cb_x", "cb_" + "a" * 42, "cb_" + "a" * 44, "cb_" + "a" * 42 + "/", "CB_" + "a" * 43]
)
def test_what_was_never_made_here_is_not_looked_up(text: str) -> None:
    assert not is_well_formed(text)


def test_a_token_is_valid_until_its_end() -> None:
    _, token = made()
    ending = CallbackToken(token.token_id, token.digest, DEFAULT_TENANT, PROVIDER, None, NOW, NOW + 5)
    assert token.is_valid(NOW + 10**12)
    assert [ending.is_valid(NOW + ms) for ms in (0, 4, 5)] == [True, True, False]
    assert token.end_by(NOW + 9) == NOW + 9
    assert [ending.end_by(NOW + ms) for ms in (3, 9)] == [NOW + 3, NOW + 5]


def test_a_token_of_an_instance_brings_nothing_of_another() -> None:
    assert are_of(None, [GUID, Guid("b")])
    assert are_of(GUID, [])
    assert are_of(GUID, [GUID, GUID])
    assert not are_of(GUID, [GUID, Guid("b")])


def test_the_limit_is_named() -> None:
    assert str(MAX_TOKENS) in str(TooManyTokensError())
