"""asyncmy, which imports cryptography wherever it is installed: 8 MB of every process, for a kind of account that few have (ADR 29).

An account of MySQL 8 (caching_sha2_password, sha256_password) without TLS needs it. It is imported when such an account logs in.
"""

import importlib
import sys

from wework_message.adapters.hidden_packages import hidden

_CRYPTOGRAPHY = "cryptography"


with hidden(_CRYPTOGRAPHY):
    import asyncmy  # noqa: F401 -- with all that it imports
    from asyncmy import auth


def _encrypt_with_cryptography(password: bytes, salt: bytes, public_key: bytes) -> bytes:
    """What asyncmy calls for such an account: its own function, once cryptography is imported. Raises as that does."""
    importlib.reload(auth)  # its functions see their module, so they see what this imports
    encrypted: bytes = auth.sha2_rsa_encrypt(password, salt, public_key)  # type: ignore[no-untyped-call]  # asyncmy has no types
    return encrypted


if _CRYPTOGRAPHY not in sys.modules:
    auth.sha2_rsa_encrypt = _encrypt_with_cryptography
