"""Hold the coverage of what was just tested against its gates: lines and branches together, in percent.

The domain must be covered whole, and so should the use cases be; what runs in processes of its own (`serve`, `demo`, the
migrations' environment) is proven end to end and not counted here. A gate is raised when the truth rises, never lowered.
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
    ours = [one for name, one in summaries.items() if name.startswith(folder)]
    there = sum(our["num_statements"] + our["num_branches"] for our in ours)
    covered = sum(our["covered_lines"] + our["covered_branches"] for our in ours)
    return 100 * covered / there if there else 0.0


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
    return {name.replace("\\", "/"): one["summary"] for name, one in files.items()}


def main() -> int:
    """Print every gate; 1 where one does not hold."""
    found = summaries()
    for folder, least in GATES.items():
        print(f"coverage: {folder} {measured(found, folder):.2f} % (gate {least:.2f} %)")
    below = missed(found)
    for line in below:
        sys.stderr.write(f"coverage: {line}\n")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
