"""Compare the coverage of the last test run with its gates: lines and branches together, in percent.

The domain must be covered completely, the use cases nearly so; what runs in processes of its own (`serve` and its
supervisor, `demo`) is proven end to end and not counted here. A gate is raised when the coverage rises, never lowered.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

GATES = {
    "src/wework_message/domain/": 100.0,
    "src/wework_message/application/": 98.0,
    "src/wework_message/": 95.0,
}
"""Folder, and the least share of its statements and branches that tests must run."""


def measured(summaries: dict[str, dict[str, Any]], folder: str) -> float:
    """The covered share of all statements and branches below `folder`, in percent; 0 where there is nothing."""
    below = [summary for name, summary in summaries.items() if name.startswith(folder)]
    total = sum(summary["num_statements"] + summary["num_branches"] for summary in below)
    covered = sum(summary["covered_lines"] + summary["covered_branches"] for summary in below)
    return 100 * covered / total if total else 0.0


def missed(summaries: dict[str, dict[str, Any]]) -> list[str]:
    """One line per gate that does not hold."""
    shares = {folder: measured(summaries, folder) for folder in GATES}
    return [
        f"{folder}: {share:.2f} % is less than {GATES[folder]:.2f} %"
        for folder, share in shares.items()
        if share < GATES[folder]
    ]


def summaries() -> dict[str, dict[str, Any]]:
    """The totals of each file, from the data of the last run."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)], check=True)
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    return {name.replace("\\", "/"): file["summary"] for name, file in files.items()}


def main() -> int:
    """Print every gate; 1 where one does not hold."""
    totals = summaries()
    for folder, least in GATES.items():
        print(f"coverage: {folder} {measured(totals, folder):.2f} % (gate {least:.2f} %)")
    below = missed(totals)
    for line in below:
        sys.stderr.write(f"coverage: {line}\n")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
