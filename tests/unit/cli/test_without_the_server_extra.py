import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
sys.argv = ["wework-message", *{args!r}]
import wework_message.__main__
wework_message.__main__.main()
"""
ALL_BUT_MSGSPEC = {
    "aiosqlite", "alembic", "click", "dependency_injector", "httptools", "httpx", "litestar", "prometheus_client", "rich",
    "rich_click", "sqlalchemy", "uuid_utils", "uvicorn", "uvloop", "yaml",
}  # fmt: skip


@pytest.mark.parametrize(
    ("blocked", "args"),
    [
        (ALL_BUT_MSGSPEC, ["--help"]),
        (ALL_BUT_MSGSPEC, ["serve"]),
        ({"litestar"}, ["serve", "--port", "0"]),
        ({"sqlalchemy"}, ["migrate"]),
        ({"yaml"}, ["config", "check"]),
    ],
)
def test_a_missing_package_is_named_with_what_to_install(blocked: set[str], args: list[str], tmp_path: Path) -> None:
    program = PROGRAM.format(blocked=blocked, args=args)
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 69
    assert "pip install 'wework-message[server]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_works_without_server_and_database(tmp_path: Path) -> None:
    program = PROGRAM.format(blocked={"litestar", "sqlalchemy", "alembic", "dependency_injector"}, args=["--help"])
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert "simulate" in ended.stdout
