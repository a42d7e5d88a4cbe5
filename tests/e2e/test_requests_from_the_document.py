"""Requests that Schemathesis makes from the OpenAPI document, right and wrong ones, and every check it has of the answers."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.support.openapi.schemathesis_checks import REPLACED
from tests.support.processes.running_service import running_service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = 4
"""Requests to each path by each seed; a number, so that the machine's speed decides nothing."""
SENDS: Final = "/api/messages/send"
"""The limits of their schemas, those of all fields of 17 types, are 16,000 cases for each route: minutes. See CONTRIBUTING.md."""

RUNS: Final = {
    "limits": ("--phases", "examples,coverage", "--seed", "1", "--exclude-path-regex", SENDS),
    **{
        f"seed-{seed}": ("--phases", "examples,fuzzing,stateful", "--seed", str(seed), "--max-examples", str(EXAMPLES))
        for seed in range(1, 5)
    },
}


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
async def test_every_answer_is_as_documented(tmp_path: Path, options: tuple[str, ...]) -> None:
    async with running_service(tmp_path) as running:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "run", f"{running.service.url}/v3/api-docs",
            "--checks", "all", "--exclude-checks", ",".join(REPLACED), "--continue-on-failure", "--no-color", *options,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.support.openapi.schemathesis_checks"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
