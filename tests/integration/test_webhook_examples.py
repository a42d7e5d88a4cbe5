"""The programs of docs/webhooks.md that verify a signature do it."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from wework_message.domain.signatures import SigningSecret, signed_headers

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "examples" / "webhooks"
SECRET, OTHER = SigningSecret(b"\x00\xff" * 16), SigningSecret(b"o" * 24)
BODY: Final = '{"type":"message.status","data":{"extra":"客户\\n"}}\n'.encode()

JAVA: Final = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def has_java_compiler() -> bool:
    java = shutil.which("java")
    if java is None:
        return False
    return (
        "jdk.compiler" in subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False).stdout
    )


def run(
    command: tuple[str, ...],
    *secrets: SigningSecret,
    body: bytes = BODY,
    age_s: int = 0,
    webhook_id: str | None = None,
    timestamp: str | None = None,
) -> int:
    """The exit code for a delivery that was signed by these secrets, and changed afterwards."""
    signed = signed_headers(secrets, "evt_1", (int(time.time()) - age_s) * 1000, BODY)
    signed_id, signed_timestamp, signatures = (value for _, value in signed)
    arguments = (
        signed_id if webhook_id is None else webhook_id, signed_timestamp if timestamp is None else timestamp, signatures,
    )  # fmt: skip
    ended = subprocess.run(
        [*command, *arguments], input=body, env={"PATH": os.environ["PATH"], "WEBHOOK_SECRET": SECRET.reveal()},
        capture_output=True, check=False,
    )  # fmt: skip
    verdict = {0: b"verified\n", 1: b"NOT VERIFIED\n"}
    assert ended.stdout == verdict[ended.returncode], ended.stderr
    return ended.returncode


@pytest.fixture(scope="module")
def java() -> tuple[str, ...]:
    if not has_java_compiler():
        pytest.skip("no java that runs source files")
    return (*JAVA, str(FOLDER / "Verify.java"))


@pytest.fixture(params=["python", "sh"])
def command(request: pytest.FixtureRequest) -> tuple[str, ...]:
    if request.param == "sh" and shutil.which("openssl") is None:
        pytest.skip("no openssl")
    return (
        (sys.executable, "-S", str(FOLDER / "verify.py"))
        if request.param == "python"
        else ("sh", str(FOLDER / "verify.sh"))
    )


def test_a_good_signature_is_verified(command: tuple[str, ...]) -> None:
    assert run(command, SECRET) == 0
    assert run(command, OTHER, SECRET) == 0


def test_a_forged_signature_is_not(command: tuple[str, ...]) -> None:
    assert run(command, OTHER) == 1
    assert run(command, SECRET, body=BODY[:-1]) == 1
    assert run(command, SECRET, webhook_id="evt_2") == 1


@pytest.mark.parametrize("age_s", [-320, 320])
def test_an_old_one_and_one_of_the_future_are_not(command: tuple[str, ...], age_s: int) -> None:
    assert run(command, SECRET, age_s=age_s) == 1


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "x[$(exit 3)]"])
def test_a_timestamp_that_is_no_number_is_not(command: tuple[str, ...], timestamp: str) -> None:
    assert run(command, SECRET, timestamp=timestamp) == 1


def test_java_tells_a_good_one_from_a_forged_one(java: tuple[str, ...]) -> None:
    assert run(java, OTHER, SECRET) == 0
    assert run(java, SECRET, body=BODY[:-1]) == 1


@pytest.mark.parametrize(("language", "name"), [("python", "verify.py"), ("java", "Verify.java"), ("sh", "verify.sh")])
def test_the_page_shows_the_program_as_it_is(language: str, name: str) -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    section = page.partition("## Verify a signature")[2].partition("\n## ")[0]
    (shown,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert shown == (FOLDER / name).read_text("utf-8")
