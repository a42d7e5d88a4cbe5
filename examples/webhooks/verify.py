"""Verifies one webhook: verify.py ID TIMESTAMP SIGNATURES < body, with the secret in WEBHOOK_SECRET."""

import base64
import hashlib
import hmac
import os
import sys
import time

TOLERANCE_S = 300


def verify(secret: str, webhook_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """The arguments are the headers webhook-id, webhook-timestamp and webhook-signature, and the body before it is parsed."""
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return any(hmac.compare_digest(expected, signature.encode()) for signature in signatures.split(" "))


if __name__ == "__main__":
    webhook_id, timestamp, signatures = sys.argv[1:]
    verified = verify(os.environ["WEBHOOK_SECRET"], webhook_id, timestamp, signatures, sys.stdin.buffer.read())
    print("verified" if verified else "NOT VERIFIED")
    sys.exit(0 if verified else 1)
