"""Settings of who may call."""

from pathlib import Path

import pytest
from tests.support.builders.issued_tokens import public_jwk, rsa_key, token, write_key_set

from wework_message.adapters.memory.system import SettableClock
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.settings import Loaded, SettingsError, listens_openly, load, start_problems
from wework_message.bootstrap.settings.jwt_check import token_verifier

NOW_S = 1_800_000_000
EVERYWHERE = {"SERVER_HOST": "0.0.0.0"}  # noqa: S104 -- compared
KEYS = {"SECURITY_MODE": "keys", "APP_CALLBACKS_ALLOW_NETWORKS": "127.0.0.1"}
ISSUER = {"SECURITY_JWT_ISSUER": "https://issuer.example", "SECURITY_JWT_AUDIENCE": "wework-message"}


def loaded(environ: dict[str, str]) -> Loaded:
    return load(environ, config_dir=Path("/nowhere"))


def problems(environ: dict[str, str]) -> dict[str, str]:
    result = loaded(environ)
    return {problem.path: problem.message for problem in start_problems(result.settings, result.profile)}


def test_nobody_is_asked_by_default_and_other_machines_are_a_reason_to_warn() -> None:
    assert not policy_of(loaded({})).asks_for_keys
    for environ, is_open in (({}, False), (EVERYWHERE, True), (EVERYWHERE | KEYS, False)):
        result = loaded(environ)
        assert listens_openly(result.settings, result.profile) is is_open
        assert any("security.mode: keys" in warning for warning in result.warnings) is is_open


def test_with_keys_those_of_the_environment_are_asked_for() -> None:
    policy = policy_of(loaded(KEYS | {"SECURITY_ENVIRONMENT": "staging2"}))
    assert policy.asks_for_keys
    assert policy.key_environment == "staging2"


@pytest.fixture
def key_set(tmp_path: Path) -> dict[str, str]:
    return {"SECURITY_JWT_KEY_SET": str(write_key_set(tmp_path / "keys.json"))}


def test_tokens_of_the_issuer_are_taken(key_set: dict[str, str]) -> None:
    environ = KEYS | ISSUER | key_set | {"SECURITY_JWT_TENANT_CLAIM": "org", "SECURITY_JWT_SCOPE_CLAIM": "permissions"}
    assert problems(environ) == {}
    verifier = token_verifier(loaded(environ).settings.security.jwt, SettableClock(NOW_S * 1000))
    assert verifier is not None
    bearer = verifier.verify(token(NOW_S, org="shop", permissions=["messages:send"]))
    assert bearer is not None
    assert (bearer.tenant_id, set(bearer.scopes)) == ("shop", {"messages:send"})


def test_without_an_issuer_there_are_no_tokens() -> None:
    assert token_verifier(loaded(KEYS).settings.security.jwt, SettableClock()) is None


def test_settings_of_tokens_that_do_not_fit_stop_the_start_and_name_the_variable(
    key_set: dict[str, str], tmp_path: Path
) -> None:
    cases: list[tuple[dict[str, str], str, str]] = [
        (KEYS | key_set, "key-set", "needs security.jwt.issuer"),
        (ISSUER | key_set, "issuer", "needs security.mode: keys"),
        (KEYS | key_set | {"SECURITY_JWT_ISSUER": "x"}, "audience", "SECURITY_JWT_AUDIENCE"),
        (KEYS | ISSUER, "key-set", "SECURITY_JWT_KEY_SET"),
        (KEYS | ISSUER | {"SECURITY_JWT_KEY_SET": "/nowhere/keys"}, "key-set", "cannot be read"),
        (KEYS | ISSUER | key_set | {"SECURITY_JWT_ALGORITHMS": "RS256, HS256"}, "algorithms", "HS256"),
        (KEYS | ISSUER | key_set | {"SECURITY_JWT_ALGORITHMS": "none"}, "algorithms", "none"),
        (KEYS | ISSUER | key_set | {"SECURITY_JWT_ALGORITHMS": "EdDSA"}, "key-set", "no key for these algorithms"),
    ]
    for environ, key, says in cases:
        assert {path: says in message for path, message in problems(environ).items() if path.endswith(key)} == {
            f"security.jwt.{key}": True
        }


def test_a_key_set_that_is_gone_since_the_check_stops_the_start(key_set: dict[str, str]) -> None:
    jwt = loaded(KEYS | ISSUER | key_set).settings.security.jwt
    write_key_set(Path(key_set["SECURITY_JWT_KEY_SET"]), public_jwk(rsa_key(2, 1024), kid="short"))
    with pytest.raises(SettingsError, match=r"security\.jwt\.key-set"):
        token_verifier(jwt, SettableClock())
