"""Every cipher of secrets keeps the contract."""

import base64
import secrets

import pytest
from tests.contracts.secret_cipher_contract import CLEAR, PLACE, SecretCipherContract

from wework_message.adapters.envelope import KEY_BYTES, EnvelopeCipher, key_of
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.secrets import SecretCipher

KEY, LATER, OTHER = (bytes([number]) * KEY_BYTES for number in (1, 2, 3))


class TestEnvelopeCipher(SecretCipherContract):
    @pytest.fixture
    def cipher(self) -> SecretCipher:
        return EnvelopeCipher(KEY)

    @pytest.fixture
    def later(self) -> SecretCipher:
        return EnvelopeCipher(LATER, [KEY])

    @pytest.fixture
    def stranger(self) -> SecretCipher:
        return EnvelopeCipher(OTHER)


def test_a_former_key_alone_decrypts_and_encrypts_nothing() -> None:
    cipher = EnvelopeCipher(None, [KEY])
    kept = EnvelopeCipher(KEY).encrypt(CLEAR, PLACE)
    assert cipher.decrypt(kept, PLACE) == CLEAR
    assert cipher.key_id is None
    for encrypt in (cipher.encrypt, cipher.renew):
        with pytest.raises(ValueError, match="no key"):
            encrypt(CLEAR if encrypt == cipher.encrypt else kept, PLACE)


def test_what_an_earlier_version_encrypted_is_decrypted() -> None:
    """The stored form: a change here loses the secrets of every database."""
    kept = base64.b64decode(
        "AYUYtH/p0OyzFSiiL6w40TS0+NvH2lLfRK6OCCU22wXnJrnyUmc/2V+P+4Myp9QSIyffxZQSUT"
        "Os2IIoNKNVqJvZaYPxFtLbpBl6mDLZXkaAfXQbpXIg9vehQlOwWr9KPBtBSvTeaeI3l13peA=="
    )
    assert EnvelopeCipher(KEY).decrypt(kept, PLACE) == CLEAR


def test_no_two_envelopes_share_a_nonce_or_the_key_of_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """AES-GCM with a nonce used twice for one key gives both texts away."""
    first, second = (EnvelopeCipher(KEY).encrypt(CLEAR, PLACE) for _ in range(2))
    assert first[5:17] != second[5:17]
    assert first[65:77] != second[65:77]
    monkeypatch.setattr(secrets, "token_bytes", bytes)
    first, second = (EnvelopeCipher(KEY).encrypt(CLEAR, PLACE) for _ in range(2))
    assert first[17:65] != second[17:65]
    assert first[77:] != second[77:]


def test_a_damaged_value_is_not_renewed() -> None:
    kept = EnvelopeCipher(KEY).encrypt(CLEAR, PLACE)
    with pytest.raises(UnavailableError, match="damaged"):
        EnvelopeCipher(LATER, [KEY]).renew(kept[:-1] + bytes([kept[-1] ^ 1]), PLACE)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        EnvelopeCipher(b"k" * length)
    with pytest.raises(ValueError, match="32 random bytes"):
        key_of(base64.b64encode(b"k" * length).decode())


@pytest.mark.parametrize("text", ["", "no base64 at all", "消息", "A" * 43])
def test_a_text_that_is_no_key_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="base64 of 32") as refused:
        key_of(text)
    assert not text or text not in str(refused.value)


def test_a_key_may_have_a_line_break_at_its_end() -> None:
    assert key_of(base64.b64encode(KEY).decode() + "\n") == KEY


def test_a_value_of_a_later_version_is_not_guessed_at() -> None:
    kept = EnvelopeCipher(KEY).encrypt(CLEAR, PLACE)
    with pytest.raises(UnavailableError, match="damaged"):
        EnvelopeCipher(KEY).key_id_of(b"\x02" + kept[1:])
