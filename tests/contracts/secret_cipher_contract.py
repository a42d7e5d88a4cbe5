"""What every SecretCipher does. Subclasses provide `cipher`, `later` (another key, which knows that of `cipher`) and `stranger`."""

import pytest

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.secrets import SecretCipher

PLACE = "wm_webhook.secret/an-id"
CLEAR = b"whsec_the-secret"


class SecretCipherContract:
    def test_what_was_encrypted_comes_back_at_its_place(self, cipher: SecretCipher) -> None:
        for clear in (CLEAR, b"", "消息🙂".encode(), bytes(range(256))):
            assert cipher.decrypt(cipher.encrypt(clear, PLACE), PLACE) == clear

    def test_nothing_of_the_value_is_visible_and_equal_values_look_different(self, cipher: SecretCipher) -> None:
        kept = {cipher.encrypt(CLEAR, PLACE) for _ in range(10)}
        assert len(kept) == 10
        assert not any(CLEAR in value for value in kept)

    @pytest.mark.parametrize("place", ["wm_webhook.secret/another-id", "wm_webhook.previous_secret/an-id", ""])
    def test_a_value_that_was_moved_is_not_decrypted(self, cipher: SecretCipher, place: str) -> None:
        kept = cipher.encrypt(CLEAR, PLACE)
        with pytest.raises(UnavailableError, match="moved"):
            cipher.decrypt(kept, place)
        with pytest.raises(UnavailableError, match="moved"):
            cipher.renew(kept, place)

    def test_a_value_with_any_other_bit_is_not_decrypted(self, cipher: SecretCipher) -> None:
        kept = cipher.encrypt(CLEAR, PLACE)
        for place in range(len(kept)):
            changed = kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :]
            with pytest.raises(UnavailableError):
                cipher.decrypt(changed, PLACE)

    def test_a_value_that_is_cut_off_is_not_decrypted(self, cipher: SecretCipher) -> None:
        kept = cipher.encrypt(CLEAR, PLACE)
        for length in range(len(kept)):
            with pytest.raises(UnavailableError):
                cipher.decrypt(kept[:length], PLACE)

    def test_another_key_decrypts_nothing_and_says_which_one_it_needs(
        self, cipher: SecretCipher, stranger: SecretCipher
    ) -> None:
        kept = cipher.encrypt(CLEAR, PLACE)
        with pytest.raises(UnavailableError, match=str(cipher.key_id)):
            stranger.decrypt(kept, PLACE)
        assert stranger.key_id_of(kept) == cipher.key_id != stranger.key_id

    def test_a_renewed_value_needs_the_new_key_only(
        self, cipher: SecretCipher, later: SecretCipher, stranger: SecretCipher
    ) -> None:
        kept = cipher.encrypt(CLEAR, PLACE)
        assert later.key_ids >= {cipher.key_id, later.key_id}
        renewed = later.renew(kept, PLACE)
        assert later.key_id_of(renewed) == later.key_id
        assert later.decrypt(renewed, PLACE) == later.decrypt(kept, PLACE) == CLEAR
        with pytest.raises(UnavailableError):
            cipher.decrypt(renewed, PLACE)
