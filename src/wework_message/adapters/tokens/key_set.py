"""The keys of an issuer, from a JWKS file (RFC 7517): pinned, whatever a token says."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Algorithms of tokens that can be taken: asymmetric ones, so that who verifies cannot sign."""

MIN_RSA_BITS: Final = 2048
MAX_BYTES: Final = 262_144
"""Size of the largest file."""

_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ALGORITHMS[:6], "Ed25519": ("EdDSA",),
    **{f"P-{bits}": (name,) for bits, name in ((256, "ES256"), (384, "ES384"), (521, "ES512"))},
}  # fmt: skip
"""The algorithms that a kind of key, or a curve, can have."""


class KeySetError(ValueError):
    """The file is no set of keys that can be used; the text never holds any of it."""


class PinnedKey(msgspec.Struct, frozen=True):
    """One key, by algorithm."""

    by_algorithm: Mapping[str, PyJWK]


def read_key_set(path: Path, algorithms: Iterable[str]) -> Mapping[str, PinnedKey]:
    """The keys of the file by their id (`kid`), for these algorithms; raises `KeySetError`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise KeySetError(f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise KeySetError(f"has more than {MAX_BYTES} bytes")
    return parse_key_set(content, algorithms)


def parse_key_set(content: bytes, algorithms: Iterable[str]) -> Mapping[str, PinnedKey]:
    """The same of the file's content."""
    try:
        document = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        raise KeySetError("is no JSON") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeySetError("is no JWKS: it needs a list `keys`")
    keys: dict[str, PinnedKey] = {}
    for number, entry in enumerate(entries):
        if entry.get("use", "sig") != "sig":
            continue
        key_id = entry.get("kid")
        if not isinstance(key_id, str) or not key_id or key_id in keys:
            raise KeySetError(f"keys[{number}] needs a `kid` of its own")
        if usable := _by_algorithm(entry, number, set(algorithms)):
            keys[key_id] = PinnedKey(usable)
    if not keys:
        raise KeySetError("has no key for these algorithms")
    return keys


def _by_algorithm(entry: Mapping[str, Any], number: int, allowed: set[str]) -> Mapping[str, PyJWK]:
    kind = entry.get("kty")
    if kind == "oct":
        raise KeySetError(f"keys[{number}] is a shared secret: who verifies could sign")
    if "d" in entry:
        raise KeySetError(f"keys[{number}] is a private key: this file is for public ones")
    possible = _OF_KIND.get(str(kind if kind == "RSA" else entry.get("crv")), ())
    declared = entry.get("alg")
    names = [name for name in possible if name in allowed and declared in (None, name)]
    try:
        keys = {name: PyJWK(dict(entry), name) for name in names}
    except (PyJWTError, ValueError, TypeError, KeyError):
        raise KeySetError(f"keys[{number}] is no key") from None
    for key in keys.values():
        if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
            raise KeySetError(f"keys[{number}] has fewer than {MIN_RSA_BITS} bits")
    return keys
