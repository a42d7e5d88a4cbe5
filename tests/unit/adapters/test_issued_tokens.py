"""Tokens of an issuer: what is let in, and everything else."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.support.builders.issued_tokens import (
    MUTATIONS,
    an_issuer,
    ec_key,
    key_set,
    public_jwk,
    rsa_key,
    token,
    write_key_set,
)

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.tokens.jwt_verifier import MAX_REMEMBERED, JwtVerifier
from wework_message.adapters.tokens.key_set import ALGORITHMS, MAX_BYTES, KeySetError, parse_key_set, read_key_set
from wework_message.domain.access.scopes import Scope

NOW_S = 1_800_000_000


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW_S * 1000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_key_set(tmp_path / "keys.json")


@pytest.fixture
def verifier(file: Path, clock: SettableClock) -> JwtVerifier:
    return JwtVerifier(an_issuer(file), clock)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("changes", [{}, {"aud": ["other", "wework-message"]}, {"nbf": None}])
def test_a_right_token_names_its_bearer(verifier: JwtVerifier, algorithm: str, changes: dict[str, Any]) -> None:
    bearer = verifier.verify(token(NOW_S, algorithm=algorithm, **changes))
    assert bearer is not None
    assert (bearer.tenant_id, bearer.id) == ("default", "shop-7")
    assert bearer.scopes == {Scope.MESSAGES_READ, Scope.MESSAGES_SEND}


def test_access_tokens_may_say_so(verifier: JwtVerifier) -> None:
    assert verifier.verify(token(NOW_S, {"typ": "at+JWT"})) is not None


@pytest.mark.parametrize("mutation", [name for name in MUTATIONS if name != "a tenant that there is not"])
def test_everything_else_names_nobody(verifier: JwtVerifier, mutation: str) -> None:
    assert verifier.verify(MUTATIONS[mutation](NOW_S)) is None


def test_a_token_ends_also_where_it_is_remembered(verifier: JwtVerifier, clock: SettableClock) -> None:
    text = token(NOW_S)
    assert verifier.verify(text) == verifier.verify(text) is not None
    clock.advance(299_999)
    assert verifier.verify(text) is not None
    clock.advance(1)
    assert verifier.verify(text) is None


def test_a_key_that_is_taken_away_opens_nothing_within_a_second(
    verifier: JwtVerifier, clock: SettableClock, file: Path
) -> None:
    by_rsa, by_ec = token(NOW_S), token(NOW_S, algorithm="ES256")
    assert verifier.verify(by_rsa) is not None
    write_key_set(file, public_jwk(ec_key(), kid="ec"))
    clock.advance(1_000)
    assert verifier.verify(by_rsa) is None
    assert verifier.verify(by_ec) is not None


@pytest.mark.parametrize("content", [b"", b"{", b'{"keys": []}'])
def test_a_file_that_cannot_be_used_changes_nothing(
    verifier: JwtVerifier, clock: SettableClock, file: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_bytes(content)
    clock.advance(1_000)
    assert verifier.verify(token(NOW_S)) is not None
    clock.advance(1_000)
    assert verifier.verify(token(NOW_S)) is not None
    assert caplog.text.count("security.jwt.key-set") == 1, "it is said once, not every second"
    file.unlink()
    clock.advance(1_000)
    assert verifier.verify(token(NOW_S)) is not None
    write_key_set(file, public_jwk(ec_key(), kid="ec"))
    clock.advance(1_000)
    assert verifier.verify(token(NOW_S)) is None


def test_only_so_many_tokens_are_remembered(verifier: JwtVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wework_message.adapters.tokens.jwt_verifier.MAX_REMEMBERED", 3)
    for number in range(8):
        assert verifier.verify(token(NOW_S, algorithm="ES256", sub=f"s-{number}")) is not None
        assert len(verifier._remembered) <= 3
    assert MAX_REMEMBERED > 1_000


def shared_secret(**more: Any) -> dict[str, Any]:
    return {"kty": "oct", "k": "c2VjcmV0LW9mLXRoZS1pc3N1ZXI", "kid": "x", **more}


def test_a_file_that_is_no_set_of_public_keys_is_refused_without_quoting_it() -> None:
    rsa_jwk = public_jwk(rsa_key(), kid="rsa")
    refused = [
        (b"", "no JSON"), (b"[" * 5_000, "no JSON"), (b"[]", "needs a list"), (b'{"keys": {}}', "needs a list"), (b'{"keys": [1]}', "needs a list"),
        (key_set(), "no key"), (key_set(rsa_jwk | {"use": "enc"}), "no key"), (key_set(rsa_jwk | {"alg": "RS512"}), "no key"),
        (key_set(public_jwk(rsa_key())), "`kid` of its own"), (key_set(rsa_jwk, rsa_jwk), "`kid` of its own"), (key_set(rsa_jwk | {"kid": 7}), "`kid` of its own"),
        (key_set(shared_secret()), "shared secret"), (key_set(rsa_jwk | {"d": "AQAB"}), "private key"),
        (key_set(rsa_jwk | {"n": "!"}), "no key"), (key_set({"kty": "EC", "crv": f"P-{256}", "kid": "e", "x": "AA", "y": "AA"}), "is no key"),
        (key_set(public_jwk(rsa_key(2, 1024), kid="short")), "fewer than 2048 bits"),
        (key_set({"kty": "XX", "kid": "x"}), "no key"),
    ]  # fmt: skip
    for content, says in refused:
        with pytest.raises(KeySetError, match=says) as error:
            parse_key_set(content, ("RS256", "ES256"))
        assert "c2Vj" not in str(error.value)


def test_each_kind_of_key_has_its_algorithms() -> None:
    rsa_jwk = public_jwk(rsa_key(), kid="rsa")
    curve = json.loads(jwk_of(ec.generate_private_key(ec.SECP384R1())))
    edwards = json.loads(jwk_of(ed25519.Ed25519PrivateKey.generate()))
    keys = parse_key_set(
        key_set(
            rsa_jwk, rsa_jwk | {"kid": "ps", "alg": "PS256"}, curve | {"kid": "curve"}, edwards | {"kid": "edwards"}
        ),
        ALGORITHMS,
    )
    assert {key_id: sorted(key.by_algorithm) for key_id, key in keys.items()} == {
        "rsa": ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
        "ps": ["PS256"],
        "curve": ["ES384"],
        "edwards": ["EdDSA"],
    }


def jwk_of(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    name = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES384"
    text: str = jwt.get_algorithm_by_name(name).to_jwk(key.public_key())
    return text


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeySetError, match="No such file"):
        read_key_set(tmp_path / "none", ALGORITHMS)
    (tmp_path / "large").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(KeySetError, match="more than"):
        read_key_set(tmp_path / "large", ALGORITHMS)
