"""Known vulnerabilities of the pinned packages, and how many of them were audited.

Exit 0: clean, or not audited (a CI machine may reach no vulnerability service; then the line says so and never "clean").
Exit 1: something is vulnerable, or the lock cannot be read.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import locked

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "dev.lock"
SERVICES = ("pypi", "osv")
TIMEOUT_S = 120


@dataclass(frozen=True)
class Report:
    """The result of an audit."""

    line: str
    exit_code: int


def judge(pinned: int, answer: dict[str, Any]) -> Report:
    """The report for the answer of `pip-audit --format json` about `pinned` packages."""
    packages = answer["dependencies"]
    audited = [package for package in packages if "vulns" in package]
    skipped = pinned - len(audited)
    counts = f"{len(audited)} of {pinned} packages audited, {skipped} skipped"
    bad = {package["name"]: [vuln["id"] for vuln in package["vulns"]] for package in audited if package["vulns"]}
    if bad:
        named = "; ".join(f"{name}: {', '.join(ids)}" for name, ids in sorted(bad.items()))
        return Report(f"vulnerable: {named} ({counts})", 1)
    if not audited:
        return Report(f"not audited: no package could be looked up ({counts})", 0)
    if skipped:
        return Report(f"no known vulnerability in those that were audited: {counts}", 0)
    return Report(f"clean: {counts}", 0)


def ask(service: str) -> dict[str, Any] | str:
    """The answer of a vulnerability service about every pin, or the reason why there is none. Nothing is installed or resolved."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--disable-pip", "--require-hashes",
        "--vulnerability-service", service, "--format", "json", "--progress-spinner", "off", "--timeout", "15",
    ]  # fmt: skip
    try:
        ran = subprocess.run(command, capture_output=True, check=False, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT_S} s"
    try:
        answer: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        return _reason(ran.stderr)
    return answer


def audit(pinned: int) -> Report:
    """The report of the first service that knows the packages."""
    reasons = []
    for service in SERVICES:
        answer = ask(service)
        report = judge(pinned, answer) if isinstance(answer, dict) else Report(f"not audited: {answer}", 0)
        if not report.line.startswith("not audited"):
            return report
        reasons.append(f"{service}: {report.line.removeprefix('not audited: ')}")
    return Report(f"not audited: {'; '.join(reasons)}", 0)


def _reason(stderr: str) -> str:
    """The kind of the last error, without addresses."""
    if "ConnectionError" in stderr or "ServiceError" in stderr or "Connection" in stderr:
        return "the service cannot be reached"
    lines = [line for line in stderr.splitlines() if line.strip()]
    return f"pip-audit failed: {lines[-1].split('http')[0].strip()}" if lines else "pip-audit said nothing"


def main() -> int:
    """Print one line; the exit code."""
    report = audit(len(locked.read(LOCK)))
    print(f"audit: {report.line}", flush=True)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
