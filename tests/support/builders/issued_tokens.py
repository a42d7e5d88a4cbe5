"""An issuer of tokens, its keys, and everything that others may try instead of a right token."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from wework_message.adapters.tokens.jwt_verifier import Issuer

ISSUER: Final = "https://issuer.example"
AUDIENCE: Final = "wework-message"


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Another key for another number."""
    return rsa.generate_private_key(65_537, bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, **more: Any) -> dict[str, Any]:
    algorithm = jwt.get_algorithm_by_name("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
    jwk: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return {name: value for name, value in jwk.items() if name != "key_ops"} | {"use": "sig"} | more


def key_set(*keys: Mapping[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def write_key_set(path: Path, *keys: Mapping[str, Any]) -> Path:
    path.write_bytes(key_set(*(keys or (public_jwk(rsa_key(), kid="rsa"), public_jwk(ec_key(), kid="ec")))))
    return path


def an_issuer(path: Path) -> Issuer:
    return Issuer(ISSUER, AUDIENCE, ("RS256", "ES256"), path)


def claims_at(now_s: int, **changes: Any) -> dict[str, Any]:
    """Right claims, with changes; None takes one away."""
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "shop-7", "tenant": "default", "scope": "messages:read messages:send",
        "iat": now_s - 10, "nbf": now_s - 10, "exp": now_s + 300,
    } | changes  # fmt: skip
    return {name: claim for name, claim in claims.items() if claim is not None}


def token(now_s: int, header: Mapping[str, Any] | None = None, algorithm: str = "RS256", **changes: Any) -> str:
    key = rsa_key() if algorithm.startswith("RS") else ec_key()
    kid = "rsa" if algorithm.startswith("RS") else "ec"
    return jwt.encode(claims_at(now_s, **changes), key, algorithm, {"kid": kid, **(header or {})})


def _part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _signed_with_secret(secret: bytes, now_s: int, **header: Any) -> str:
    body = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa', **header})}.{_part(claims_at(now_s))}"
    return f"{body}.{_part(hmac.digest(secret, body.encode(), hashlib.sha256))}"


def _public_pem() -> bytes:
    return (
        rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _with_part(text: str, place: int, part: str) -> str:
    parts = text.split(".")
    parts[place] = part
    return ".".join(parts)


def _other(text: str) -> str:
    return text[:-2] + ("AA" if not text.endswith("AA") else "BB")


def _by_stranger(now_s: int, **header: Any) -> str:
    return jwt.encode(claims_at(now_s), rsa_key(1), "RS256", {"kid": "rsa", **header})


MUTATIONS: Final[Mapping[str, Callable[[int], str]]] = {
    "no algorithm": lambda now: f"{_part({'alg': 'none', 'kid': 'rsa'})}.{_part(claims_at(now))}.",
    "no algorithm, in capitals": lambda now: f"{_part({'alg': 'NONE', 'kid': 'rsa'})}.{_part(claims_at(now))}.",
    "no algorithm, and a signature": lambda now: _with_part(token(now), 0, _part({"alg": "none", "kid": "rsa"})),
    "no signature": lambda now: _with_part(token(now), 2, ""),
    "another signature": lambda now: _other(token(now)),
    "the signature of another token": lambda now: _with_part(token(now), 2, token(now, sub="x").split(".")[2]),
    "claims edited": lambda now: _with_part(token(now), 1, _part(claims_at(now, tenant="another"))),
    "HMAC with the public key": lambda now: _signed_with_secret(_public_pem(), now),
    "HMAC with nothing": lambda now: _signed_with_secret(b"", now),
    "HMAC with the name of the key": lambda now: _signed_with_secret(b"rsa", now),
    "a stranger's key": _by_stranger,
    "a stranger's key in the header": lambda now: _by_stranger(now, jwk=public_jwk(rsa_key(1), kid="rsa")),
    "a stranger's key at an address": lambda now: _by_stranger(now, jku="https://stranger.example/keys"),
    "a stranger's certificate at an address": lambda now: _by_stranger(now, x5u="https://stranger.example/cert"),
    "a right signature and a key in the header": lambda now: token(now, {"jwk": public_jwk(rsa_key(), kid="rsa")}),
    "a right signature and a critical extension": lambda now: token(now, {"crit": ["exp"]}),
    "a key of another name": lambda now: token(now, {"kid": "other"}),
    "a key that is a path": lambda now: token(now, {"kid": "../../dev/null"}),
    "a key that is a query": lambda now: token(now, {"kid": "rsa' OR '1'='1"}),
    "no name of a key": lambda now: jwt.encode(claims_at(now), rsa_key(), "RS256"),
    "the other algorithm's key": lambda now: token(now, {"kid": "ec"}),
    "an algorithm that the settings do not have": lambda now: token(now, algorithm="RS512"),
    "another type": lambda now: token(now, {"typ": "dpop+jwt"}),
    "expired": lambda now: token(now, iat=now - 400, nbf=now - 400, exp=now - 1),
    "expired just now": lambda now: token(now, exp=now),
    "not yet": lambda now: token(now, nbf=now + 60),
    "of tomorrow": lambda now: token(now, iat=now + 60, nbf=None),
    "for an hour": lambda now: token(now, exp=now + 3600),
    "for ever": lambda now: token(now, exp=None),
    "since never": lambda now: token(now, iat=None),
    "another audience": lambda now: token(now, aud="another"),
    "no audience": lambda now: token(now, aud=None),
    "another issuer": lambda now: token(now, iss=f"{ISSUER}/"),
    "no issuer": lambda now: token(now, iss=None),
    "no subject": lambda now: token(now, sub=None),
    "no tenant": lambda now: token(now, tenant=None),
    "a tenant that there is not": lambda now: token(now, tenant="nobody"),
    "two tenants": lambda now: token(now, tenant=["default", "another"]),
    "no scopes": lambda now: token(now, scope=None),
    "two parts": lambda now: token(now).rpartition(".")[0],
    "four parts": lambda now: f"{token(now)}.{token(now).split('.')[2]}",
    "no JSON": lambda now: _with_part(token(now), 1, _part(b"{")),
    "a list": lambda now: _with_part(token(now), 1, _part([])),
    "deep JSON": lambda now: _with_part(token(now), 0, _part(b"[" * 9_000)),
    "no base64": lambda now: f"{token(now)}=",
    "a list of algorithms": lambda now: _with_part(token(now), 0, _part({"alg": ["RS256"], "kid": "rsa"})),
    "a truth in the place of a time": lambda now: token(now, nbf=True),
    "padding": lambda now: f"{token(now)}==",
    "another letter in its signature": lambda now: f"{token(now)[:-9]}!{token(now)[-9:]}",
    "a blank in it": lambda now: token(now).replace(".", ". ", 1),
    "half of it": lambda now: token(now)[: len(token(now)) // 2],
}  # fmt: skip
"""What must let nobody in; each takes the time, epoch seconds."""
