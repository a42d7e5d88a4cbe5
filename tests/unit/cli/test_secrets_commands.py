"""``secrets``: what it prints, and what it never does."""

import json

from tests.support.apps.command_line import FakeSecrets, FakeService

from wework_message.entrypoints.cli.services import CheckedSecrets, RotatedSecrets

SETTING = "app.wework.providers.main.options.token"
CHECKED = CheckedSecrets(
    {("wm_media.address_key", "none"): 5, ("wm_webhook.secret", "1a2b3c4d"): 2}, ("wm_webhook.secret/w1",), "1a2b3c4d"
)


def test_a_secret_comes_from_standard_input_and_its_encrypted_form_alone_is_printed() -> None:
    app = FakeService()
    ran = app.run("secrets", "encrypt", SETTING, stdin=b"a b\xe6\xb6\x88\n")
    assert (ran.exit_code, ran.stdout) == (0, "ENC(AAAA)\n")
    assert app.secrets.encrypted == [(SETTING, "a b消")]


def test_without_a_secret_nothing_is_encrypted() -> None:
    app = FakeService()
    assert app.run("secrets", "encrypt", SETTING, stdin=b"\n").exit_code == 64
    assert app.run("secrets", "encrypt", stdin=b"a secret").exit_code == 64
    assert app.secrets.encrypted == []


def test_a_check_counts_by_column_and_key_and_names_what_cannot_be_decrypted() -> None:
    app = FakeService(secrets=FakeSecrets(CHECKED))
    ran = app.run("secrets", "check")
    assert ran.exit_code == 1
    for text in (
        "wm_media.address_key",
        "in clear",
        "5",
        "1a2b3c4d",
        "1 secrets cannot be decrypted",
        "wm_webhook.secret/w1",
    ):
        assert text in ran.stdout
    assert json.loads(app.run("secrets", "check", "--json").stdout) == {
        "keyId": "1a2b3c4d",
        "secrets": [
            {"column": "wm_media.address_key", "keyId": None, "count": 5},
            {"column": "wm_webhook.secret", "keyId": "1a2b3c4d", "count": 2},
        ],
        "unreadable": ["wm_webhook.secret/w1"],
    }


def test_a_check_of_nothing_is_fine() -> None:
    ran = FakeService().run("secrets", "check")
    assert (ran.exit_code, ran.stdout) == (0, "0 secrets cannot be decrypted with the keys of the settings\n")


def test_a_rotation_says_which_keys_are_needed_no_more() -> None:
    app = FakeService(secrets=FakeSecrets(rotated=RotatedSecrets(7, "1a2b3c4d", ("deadbeef",))))
    ran = app.run("secrets", "rotate")
    assert ran.exit_code == 0
    assert "7 secrets are encrypted anew, all with the key 1a2b3c4d" in ran.stdout
    assert "needs deadbeef any more" in ran.stdout
    assert json.loads(app.run("secrets", "rotate", "--json").stdout) == {
        "renewed": 7, "keyId": "1a2b3c4d", "retiredKeyIds": ["deadbeef"],
    }  # fmt: skip
    assert "any more" not in FakeService().run("secrets", "rotate").stdout


def test_settings_that_do_not_start_stop_check_and_rotation() -> None:
    app = FakeService(problems=("datasource.url: is missing",))
    assert app.run("secrets", "check").exit_code == app.run("secrets", "rotate").exit_code == 78
