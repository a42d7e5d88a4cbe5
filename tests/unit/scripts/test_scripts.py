import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scripts import audit, coverage_gate, locked

ROOT = Path(__file__).parents[3]
HASH = "--hash=sha256:" + "0" * 64

LOCK = f"""\
alone==1.0 \\
    {HASH}
    # via wework-message (pyproject.toml)
one==1.2.3 ; sys_platform == 'win32' \\
    {HASH} \\
    {HASH}
    # via
    #   wework-message (pyproject.toml)
    #   two
three==3 \\
    {HASH}
    # via one
two==2 \\
    {HASH}
    # via wework-message:dev
"""


def a_lock(tmp_path: Path, text: str = LOCK) -> Path:
    path = tmp_path / "test.lock"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_lock_is_read_with_hashes_and_who_needs_what(tmp_path: Path) -> None:
    pins = locked.read(a_lock(tmp_path))
    assert {name: (pin.version, set(pin.needed_by)) for name, pin in pins.items()} == {
        "alone": ("1.0", {"wework-message"}),
        "one": ("1.2.3", {"wework-message", "two"}),
        "two": ("2", {"wework-message"}),
        "three": ("3", {"one"}),
    }
    assert "".join(pin.block for pin in pins.values()) == LOCK


def test_what_a_package_needs_comes_with_it_and_nothing_else(tmp_path: Path) -> None:
    pins = locked.read(a_lock(tmp_path))
    assert [pin.name for pin in locked.with_what_they_need(pins, "two")] == ["one", "three", "two"]
    assert [pin.name for pin in locked.with_what_they_need(pins, "alone")] == ["alone"]
    with pytest.raises(ValueError, match="not in the lock: five, four"):
        locked.with_what_they_need(pins, "four", "five")


@pytest.mark.parametrize("text", ["one==1.0\n", "one @ file.whl\n", "one>=1\n    # via two\n"])
def test_a_line_that_pins_nothing_by_hash_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="no pin with hashes"):
        locked.read(a_lock(tmp_path, text))


def test_our_own_locks_are_read_whole() -> None:
    for path in (ROOT / "requirements").glob("*.lock"):
        assert len(locked.read(path)) == len(re.findall(r"(?m)^[a-z].*==", path.read_text(encoding="utf-8")))


def answer_of(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages)}


SOUND = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}
BAD = {"name": "c", "version": "1", "vulns": [{"id": "PYSEC-1"}, {"id": "CVE-2"}]}


@pytest.mark.parametrize(
    ("pinned", "answer", "line", "code"),
    [
        (1, answer_of(SOUND), "clean: 1 of 1 packages audited, 0 skipped", 0),
        (
            2,
            answer_of(SOUND, SKIPPED),
            "no known vulnerability in those that were audited: 1 of 2 packages audited, 1 skipped",
            0,
        ),
        (
            2,
            answer_of(SOUND),
            "no known vulnerability in those that were audited: 1 of 2 packages audited, 1 skipped",
            0,
        ),
        (1, answer_of(SKIPPED), "not audited: no package could be looked up (0 of 1 packages audited, 1 skipped)", 0),
        (0, answer_of(), "not audited: no package could be looked up (0 of 0 packages audited, 0 skipped)", 0),
        (3, answer_of(SOUND, SKIPPED, BAD), "vulnerable: c: PYSEC-1, CVE-2 (2 of 3 packages audited, 1 skipped)", 1),
    ],
)
def test_an_audit_says_how_much_it_looked_at_and_clean_only_of_everything(
    pinned: int, answer: dict[str, Any], line: str, code: int
) -> None:
    assert audit.judge(pinned, answer) == audit.Report(line, code)


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("...\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='x')", "the service cannot be reached"),
        ("ERROR:pip_audit:broken lock", "pip-audit failed: ERROR:pip_audit:broken lock"),
        ("", "pip-audit said nothing"),
    ],
)
def test_an_audit_that_failed_says_why_and_never_clean(
    monkeypatch: pytest.MonkeyPatch, stderr: str, reason: str
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="", stderr=stderr)

    monkeypatch.setattr(subprocess, "run", run)
    assert audit.audit(5) == audit.Report(f"not audited: pypi: {reason}; osv: {reason}", 0)


def a_summary(statements: int, lines: int, branches: int = 0, taken: int = 0) -> dict[str, int]:
    return {
        "num_statements": statements,
        "covered_lines": lines,
        "num_branches": branches,
        "covered_branches": taken,
    }


def test_coverage_counts_statements_and_branches_of_a_folder() -> None:
    files = {"src/a/one.py": a_summary(6, 6, 2, 1), "src/a/two.py": a_summary(2, 1), "src/b/one.py": a_summary(10, 0)}
    assert coverage_gate.measured(files, "src/a/") == 80.0
    assert coverage_gate.measured(files, "src/c/") == 0.0


def test_a_gate_that_does_not_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage_gate, "GATES", {"src/a/": 100.0, "src/": 50.0})
    files = {"src/a/one.py": a_summary(4, 3), "src/b/one.py": a_summary(4, 2)}
    assert coverage_gate.missed(files) == ["src/a/: 75.00 % is less than 100.00 %"]
