"""asyncmy, which imports cryptography wherever it is installed: 8 MB of every process, for a kind of account that few have (ADR 29).

An account of MySQL 8 (caching_sha2_password, sha256_password) without TLS needs it. It is imported when such an account logs in.
"""

import importlib
import sys

_CRYPTOGRAPHY = "cryptography"


class _LaterFinder:
    """A finder for which cryptography is not installed yet."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raises `ModuleNotFoundError` for it; None = other finders are asked."""
        if name.partition(".")[0] == _CRYPTOGRAPHY:
            raise ModuleNotFoundError(name, name=name)


_finder = _LaterFinder()
sys.meta_path.insert(0, _finder)
try:
    import asyncmy  # noqa: F401 -- with all that it imports
    from asyncmy import auth
finally:
    sys.meta_path.remove(_finder)


def _encrypt_with_cryptography(password: bytes, salt: bytes, public_key: bytes) -> bytes:
    """What asyncmy calls for such an account: its own function, once cryptography is imported. Raises as that does."""
    importlib.reload(auth)  # its functions see their module, so they see what this imports
    encrypted: bytes = auth.sha2_rsa_encrypt(password, salt, public_key)  # type: ignore[no-untyped-call]  # asyncmy has no types
    return encrypted


if _CRYPTOGRAPHY not in sys.modules:
    auth.sha2_rsa_encrypt = _encrypt_with_cryptography
