import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

TESTS = """
import pytest

def test_with_redis(redis_url): ...

def test_without_a_server(): ...
"""
BROKEN = """
def test_that_fails(redis_server):
    redis_server.pause()
    raise AssertionError

def test_that_follows(redis_server):
    assert redis_server.answers()
"""

TERMINATED = """
import os, signal

def test_that_is_ended(redis_server):
    print("pid", redis_server.pid, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
"""


def session_of(folder: Path, tests: str, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    file = folder / "test_some.py"
    file.write_text(tests)
    command = [
        sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "-p", "no:cacheprovider", "-p", "tests.support.servers.plugin",
        "-p", "pytest_asyncio.plugin", "-p", "pytest_timeout",  # the plugins whose settings are in pyproject.toml
        f"--basetemp={folder / 'basetemp'}", *options, str(file),
    ]  # fmt: skip
    settings = {"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment
    return subprocess.run(command, check=False, capture_output=True, text=True, env=settings, timeout=90)


@pytest.fixture
def nothing_installed(tmp_path: Path) -> str:
    (tmp_path / "bin").mkdir()
    return str(tmp_path / "bin")


def test_a_missing_server_skips_its_tests_and_says_how_to_get_it(tmp_path: Path, nothing_installed: str) -> None:
    done = session_of(tmp_path, TESTS, "-m", "services", PATH=nothing_installed)
    assert done.returncode == 0, done.stdout
    assert "1 skipped, 1 deselected" in done.stdout  # what uses a server is marked by its fixture
    assert "1 without redis_server not installed here: no redis-server in PATH\n" in done.stdout
    assert "scripts/install-services" in done.stdout


def test_demanded_a_missing_server_is_a_failure(tmp_path: Path, nothing_installed: str) -> None:
    done = session_of(tmp_path, TESTS, PATH=nothing_installed, WM_REQUIRE_SERVERS="1")
    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout
    assert "scripts/install-services" in done.stdout


def test_a_failure_shows_the_log_and_the_next_test_finds_the_server_repaired(tmp_path: Path, redis_url: str) -> None:
    done = session_of(tmp_path, BROKEN)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "log of Redis" in done.stdout
    assert "Ready to accept connections" in done.stdout


def test_sigterm_ends_the_servers_too(tmp_path: Path, redis_url: str) -> None:
    done = session_of(tmp_path, TERMINATED, "-s")
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout
    pid = re.search(r"pid (\d+)", done.stdout)
    assert pid is not None, done.stdout
    assert not psutil.pid_exists(int(pid[1]))
