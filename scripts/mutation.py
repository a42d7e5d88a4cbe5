"""Would the tests notice? Put small faults into the code, one at a time, and run the tests near each of them.

    python -m scripts.mutation [--mutants 150] [--seed 1] [--layer domain]

Everything happens in a copy of the tree. A fault is killed when a test fails or hangs. The kind of fault is drawn first, then a place,
so that rare kinds come up too. `scripts/equivalent_mutants.txt` has the faults that change nothing a test could see.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.mutants import Mutant, mutants_of, read

ROOT = Path(__file__).parents[1]
SOURCE = "src/wework_message"
EQUIVALENT = ROOT / "scripts" / "equivalent_mutants.txt"
COPIED = (
    "src",
    "tests",
    "scripts",
    "docs",
    "config",
    "examples",
    "requirements",
    "pyproject.toml",
    "README.md",
    "README.zh-CN.md",
)

HANG_FACTOR = 5
"""Tests that take so many times as long as without the fault hang."""
HANG_MARGIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Layer:
    """A part of the code that has a score."""

    share: int
    """Its part of all mutants."""
    least: float
    """Percent of its mutants that tests must kill."""


LAYERS = {
    "domain": Layer(5, 95.0),
    "application": Layer(4, 95.0),
    "adapters": Layer(4, 90.0),
    "entrypoints": Layer(2, 90.0),
}

_UNIT, _CONTRACTS = "tests/unit", "tests/contracts"
_USE_CASES = (f"{_UNIT}/application",)
_STORE = (
    (f"{_CONTRACTS}/test_sqlite_adapters.py", f"{_UNIT}/sql"),
    ("tests/integration/test_schema.py", "tests/integration/test_sqlite_sessions.py"),
)

NEAR: dict[str, tuple[tuple[str, ...], ...]] = {
    "domain/content/": ((f"{_UNIT}/domain/test_content.py", f"{_UNIT}/wire"), (f"{_UNIT}/guxing",)),
    "domain/": ((f"{_UNIT}/domain",), _USE_CASES, (f"{_CONTRACTS}/test_memory_adapters.py", f"{_UNIT}/wire")),
    "application/": (_USE_CASES, (f"{_UNIT}/intake", f"{_UNIT}/bootstrap/test_container.py", "tests/integration/rest")),
    "adapters/guxing/": ((f"{_UNIT}/guxing", f"{_CONTRACTS}/test_guxing_gateway.py"),),
    "adapters/http/calls.py": ((f"{_UNIT}/guxing", f"{_CONTRACTS}/test_guxing_gateway.py"),),
    "adapters/http/statuses.py": ((f"{_UNIT}/guxing", f"{_CONTRACTS}/test_guxing_gateway.py"),),
    "adapters/http/": ((f"{_UNIT}/adapters",), ("tests/integration/http/test_http_client.py",)),
    "adapters/local/": ((f"{_CONTRACTS}/test_memory_adapters.py",), _USE_CASES),
    "adapters/memory/": ((f"{_CONTRACTS}/test_memory_adapters.py",), _USE_CASES),
    "adapters/observability/": ((f"{_UNIT}/observability",),),
    "adapters/outbound/": ((f"{_CONTRACTS}/test_outbound_http.py", "tests/integration/http/test_pinned_http.py"),),
    "adapters/rocketmq/transport/native.py": ((f"{_CONTRACTS}/test_native_transport.py",),),
    "adapters/rocketmq/transport/gated.py": ((f"{_CONTRACTS}/test_gated_transport.py",),),
    "adapters/rocketmq/wakeup/": ((f"{_UNIT}/rocketmq", f"{_UNIT}/application/test_dispatch_by_wakeups.py"),),
    "adapters/sql/core/": _STORE,
    "adapters/sql/mapping/": _STORE,
    "adapters/sql/repositories/": _STORE,
    "adapters/sql/sqlite/": _STORE,
    "entrypoints/intake/": ((f"{_UNIT}/intake",),),
    "entrypoints/rest/": ((f"{_UNIT}/rest",), ("tests/integration/rest",)),
    "entrypoints/wire/": ((f"{_UNIT}/wire",), ("tests/integration/rest",)),
}
"""Below `SOURCE`: the tests of a folder or module, in steps, nearest first. What has no entry needs servers or processes, and is left out."""


@dataclass(slots=True)
class Score:
    """The results of one layer."""

    killed: int = 0
    survived: list[Mutant] = field(default_factory=list)

    @property
    def percent(self) -> float:
        """Of the mutants that were tried; 100 where none was."""
        tried = self.killed + len(self.survived)
        return 100 * self.killed / tried if tried else 100.0


def near(path: str) -> tuple[tuple[str, ...], ...]:
    """The steps of tests for the module `path`, from the longest entry of `NEAR` that names it; none where nothing does."""
    module = path.removeprefix(f"{SOURCE}/")
    named = [prefix for prefix in NEAR if module.startswith(prefix)]
    return NEAR[max(named, key=len)] if named else ()


def steps(path: str) -> tuple[tuple[str, ...], ...]:
    """Those of `near`; before them the tests that are named for the module, which find most faults in a few seconds."""
    stem = Path(path).stem
    folders = [ROOT / folder for step in near(path) for folder in step if (ROOT / folder).is_dir()]
    tests = sorted({test for folder in folders for test in folder.rglob("test_*.py") if f"_{stem}_" in f"{test.stem}_"})
    named = [test.relative_to(ROOT).as_posix() for test in tests]
    return ((tuple(named),) if named else ()) + near(path)


def equivalents(text: str) -> set[tuple[str, str, str, str]]:
    """Path, operator, code and change of each line ``path | operator | code | change | because``; comments begin with ``#``."""
    rows = [line.split(" | ") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {(path, operator, code, what) for path, operator, code, what, _ in rows}


def identity(mutant: Mutant) -> tuple[str, str, str, str]:
    """What names a mutant wherever its lines have moved to."""
    return mutant.path, mutant.operator, mutant.code, mutant.what


def candidates(layer: str) -> list[Mutant]:
    """Every mutant of a layer that has tests near it and is not known as equivalent."""
    known = equivalents(EQUIVALENT.read_text(encoding="utf-8"))
    paths = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / SOURCE / layer).rglob("*.py"))
    mutants = [mutant for path in paths if near(path) for mutant in mutants_of(path, read(ROOT, path))]
    return [mutant for mutant in mutants if identity(mutant) not in known]


def sample(mutants: Sequence[Mutant], count: int, random_source: random.Random) -> list[Mutant]:
    """Up to `count` different mutants: the operator is drawn first, then one of its places."""
    places: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        places[mutant.operator].append(mutant)
    drawn: list[Mutant] = []
    while places and len(drawn) < count:
        operator = random_source.choice(sorted(places))
        drawn.append(places[operator].pop(random_source.randrange(len(places[operator]))))
        if not places[operator]:
            del places[operator]
    return drawn


def shares(count: int, layers: Sequence[str]) -> dict[str, int]:
    """How many mutants each layer gets: at least one."""
    total = sum(LAYERS[layer].share for layer in layers)
    return {layer: max(1, round(count * LAYERS[layer].share / total)) for layer in layers}


class Bench:
    """A copy of the tree in which mutants are tried."""

    def __init__(self, root: Path) -> None:
        """`root` is an empty folder."""
        self._root = root
        self._limits: dict[tuple[str, ...], float] = {}
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, root / name)

    def kills(self, mutant: Mutant) -> bool:
        """Whether a test near the mutant fails or hangs. Raises `RuntimeError` where one fails without it."""
        text = read(self._root, mutant.path)
        for step in steps(mutant.path):
            limit_s = self._limit_s(step)
            (self._root / mutant.path).write_text(mutant.apply(text), encoding="utf-8")
            try:
                if not self._pass(step, limit_s):
                    return True
            finally:
                (self._root / mutant.path).write_text(text, encoding="utf-8")
        return False

    def _limit_s(self, tests: tuple[str, ...]) -> float:
        if tests not in self._limits:
            began = time.monotonic()
            if not self._pass(tests, None):
                raise RuntimeError(f"these tests fail without any mutant: {' '.join(tests)}")
            self._limits[tests] = HANG_MARGIN_S + HANG_FACTOR * (time.monotonic() - began)
        return self._limits[tests]

    def _pass(self, tests: tuple[str, ...], limit_s: float | None) -> bool:
        command = [
            sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--hypothesis-seed=0", "-p", "no:cacheprovider",
            "--hypothesis-profile=ci", "-m", "not services and not e2e", *tests,
        ]  # fmt: skip
        environment = os.environ | {"PYTHONPATH": str(self._root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            run = subprocess.run(
                command,
                cwd=self._root,
                env=environment,
                check=False,
                timeout=limit_s,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0


def judge(mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant, and whether it was killed."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        bench = Bench(Path(name))
        for mutant in mutants:
            yield mutant, bench.kills(mutant)


def main() -> int:
    """Print every mutant, and the score of each layer; 1 where a score is too low."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=150, help="how many, over all layers (150)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other mutants (1)")
    parser.add_argument("--layer", choices=LAYERS, action="append", help="this layer only; may be repeated")
    arguments = parser.parse_args()
    random_source = random.Random(arguments.seed)  # noqa: S311 -- a sample, no secret
    scores = {}
    for layer, count in shares(arguments.mutants, arguments.layer or list(LAYERS)).items():
        score = scores[layer] = Score()
        for mutant, killed in judge(sample(candidates(layer), count, random_source)):
            score.killed += killed
            score.survived += [] if killed else [mutant]
            verdict = "killed  " if killed else "SURVIVED"
            print(
                f"{verdict} {mutant.path}:{mutant.line} | {mutant.operator} | {mutant.code} | {mutant.what}", flush=True
            )
    for layer, score in scores.items():
        tried = score.killed + len(score.survived)
        print(
            f"mutation: {layer} {score.killed} of {tried} killed, {score.percent:.1f} % (at least {LAYERS[layer].least:.0f} %)"
        )
    return 1 if any(score.percent < LAYERS[layer].least for layer, score in scores.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
