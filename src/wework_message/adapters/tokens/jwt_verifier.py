"""Tokens of an issuer (JWT): pinned algorithms, pinned keys, a short life (ADR 69, RFC 8725)."""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jwt
from jwt.exceptions import PyJWTError

from wework_message.adapters.tokens.key_set import KeySetError, PinnedKey, read_key_set
from wework_message.domain.access.claims import ClaimNames, bearer_of, is_valid_at
from wework_message.domain.access.principal import Principal
from wework_message.domain.ports.system import Clock

LOOK_MS: Final = 1_000
"""How often it is looked whether the file of keys is another one."""

MAX_REMEMBERED: Final = 4_096
"""Verified tokens that are known without another look at their signature."""

_HEADERS: Final = frozenset({"alg", "kid", "typ"})
"""All that a token's header may say: keys of its own (`jwk`, `jku`, `x5c`, `x5u`) and extensions (`crit`) are not listened to."""

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""The one spelling of a token (RFC 7515 section 2): Python's base64 passes over other letters, and takes any padding."""

_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken."""

    name: str
    """Its `iss`."""
    audience: str
    """The `aud` of tokens for this service."""
    algorithms: tuple[str, ...]
    key_set: Path
    """The JWKS file."""
    claims: ClaimNames = field(default_factory=ClaimNames)


class JwtVerifier:
    """Verifies tokens. A token that was verified is remembered until it expires, or the keys change."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        """Raises `KeySetError` for a file that cannot be used."""
        self._issuer = issuer
        self._clock = clock
        self._seen = _state_of(issuer.key_set)
        self._keys = read_key_set(issuer.key_set, issuer.algorithms)
        self._looked_at = clock.boot()
        self._remembered: dict[bytes, tuple[Principal, float]] = {}

    def verify(self, text: str) -> Principal | None:
        """Whose token it is; None for everything that is not a whole, signed, valid token of the issuer for this service."""
        self._look()
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        remembered = self._remembered.get(digest)
        now_s = self._clock.now() / 1000
        if remembered is not None and now_s < remembered[1]:
            return remembered[0]
        claims = self._claims(text, now_s)
        bearer = None if claims is None else bearer_of(claims, self._issuer.claims)
        if bearer is not None and claims is not None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = (bearer, claims["exp"])
        return bearer

    def _claims(self, text: str, now_s: float) -> Mapping[str, Any] | None:
        """The claims of a token whose signature, names and times are right."""
        if _COMPACT.fullmatch(text) is None:
            return None
        try:
            header = jwt.get_unverified_header(text)
            key = self._key_for(header)
            if key is None:
                return None
            claims = jwt.decode(
                text, key=key, algorithms=[header["alg"]], audience=self._issuer.audience, issuer=self._issuer.name,
                options={"require": ["exp", "iat", "aud", "iss", "sub"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )  # fmt: skip
        except (PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return claims if is_valid_at(claims, now_s) else None  # by our own clock

    def _key_for(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        """The pinned key that the header names; its algorithm must be one of those of the settings and of the key."""
        if not header.keys() <= _HEADERS or str(header.get("typ", "JWT")).lower() not in _TYPES:
            return None
        pinned: PinnedKey | None = self._keys.get(header.get("kid", ""))
        return None if pinned is None else pinned.by_algorithm.get(header["alg"])

    def _look(self) -> None:
        """Read the keys again where the file is another one; where it cannot be used, those that are known stay."""
        now = self._clock.boot()
        if now - self._looked_at < LOOK_MS:
            return
        self._looked_at = now
        state = _state_of(self._issuer.key_set)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._keys = read_key_set(self._issuer.key_set, self._issuer.algorithms)
        except KeySetError as error:
            _log.warning("security.jwt.key-set %s: the keys that were read before stay valid", error)
            return
        self._remembered.clear()


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """What changes with the file's content; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
