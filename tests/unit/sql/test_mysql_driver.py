"""cryptography is imported when an account needs it, and then asyncmy uses it as if it had been there from the start."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
import wework_message.adapters.sql.mysql.store
from asyncmy import auth
before = "cryptography" in sys.modules
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
key = rsa.generate_private_key(65537, 2048)
public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
salt = bytes(range(20))
opened = []
for _ in range(2):
    plain = key.decrypt(auth.sha2_rsa_encrypt(b"secret", salt, public), scheme)
    opened.append(bytes(value ^ salt[number % 20] for number, value in enumerate(plain)).decode())
print(json.dumps([before, opened, auth.sha2_rsa_encrypt.__module__]))
"""


def test_cryptography_is_imported_when_an_account_needs_it() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == [False, ["secret\0", "secret\0"], "asyncmy.auth"]
