"""Requests that Schemathesis makes from the OpenAPI document, right and wrong ones, and every check it has of the answers."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.support.openapi.schemathesis_checks import REPLACED
from tests.support.processes.keys import LOCKED, made_key
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


PATIENCE_S: Final = 60
"""A send may wait 10 s for its outcome, which is all that a request may take where nothing is said."""

WITH_KEYS: Final = ("--phases", "examples,fuzzing", "--seed", "6", "--max-examples", "1")
"""Enough to ask each operation with a key, with a wrong one and without; of Schemathesis' checks `ignored_auth` does that."""

WRONG_KEYS_WITHOUT_END: Final = {"SECURITY_LIMITS_FAILED_LOG_INS_PER_MINUTE": "100000"}
"""Each operation is asked with wrong keys from one address: 429 would say nothing of whether they are looked at."""


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
async def test_every_answer_is_as_documented(tmp_path: Path, options: tuple[str, ...]) -> None:
    async with running_service(tmp_path) as running:
        problems = await _problems(tmp_path, running.service.url, *options)
    assert not problems, problems


async def test_every_answer_is_as_documented_where_keys_are_needed(tmp_path: Path) -> None:
    settings = {**LOCKED, "SECURITY_METRICS": "keys", **WRONG_KEYS_WITHOUT_END}
    async with running_service(tmp_path, **settings) as running:
        key = await made_key(tmp_path)
        header = ("--header", f"Authorization: Bearer {key}")
        problems = await _problems(tmp_path, running.service.url, *WITH_KEYS, *header)
    assert not problems, problems


async def _problems(folder: Path, url: str, *options: str) -> str:
    """What Schemathesis says where it is not content."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{url}/v3/api-docs",
        "--checks", "all", "--exclude-checks", ",".join(REPLACED), "--continue-on-failure", "--no-color",
        "--request-timeout", str(PATIENCE_S), "--max-response-time", str(PATIENCE_S), *options,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.support.openapi.schemathesis_checks"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return output.decode() if process.returncode else ""
