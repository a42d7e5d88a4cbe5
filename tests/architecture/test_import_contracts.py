"""Every import contract breaks when it is violated: a contract that cannot break is no guard."""

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.xdist_group("import contracts")  # they share one run of the linter

ROOT: Final = Path(__file__).parents[2]
CONTRACTS: Final = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
}


@dataclass(frozen=True)
class Violation:
    contract: str
    module: str
    """Path below the package, of its own for each violation; an import is added to one that exists."""
    text: str
    reported: str = ""
    """What the linter says of it; by default the import that is written there."""

    @property
    def report(self) -> str:
        module = ".".join(Path("wework_message", self.module).with_suffix("").parts)
        return self.reported or f"{module} -> {IMPORTED.sub('', self.text).partition(' ')[0].strip()}"


IMPORTED: Final = re.compile(r"^(import|from) ")

VIOLATIONS: Final = [
    Violation("layers", "domain/stray.py", "import wework_message.application.api\n"),
    Violation("layers", "adapters/system/stray.py", "import wework_message.entrypoints.wire\n"),
    Violation("layers", "entrypoints/rest/stray.py", "import wework_message.adapters.memory\n"),
    Violation("layers", "application/stray.py", "import wework_message.bootstrap\n"),
    Violation("layers", "toolbox/__init__.py", "", "- wework_message.toolbox"),
    *[
        Violation("pure-domain", f"domain/stray_{module}.py", f"import {module}\n")
        for module in ("asyncio", "logging", "os", "random", "time", "uuid", "msgspec", "sqlalchemy", "httpx")
    ],
    Violation("aggregate", "domain/message/decision.py", "import wework_message.domain.routing.selector\n"),
    Violation("one-root", "entrypoints/rest/stray_container.py", "import dependency_injector\n"),
    Violation("one-root", "adapters/sql/stray_container.py", "from dependency_injector import containers\n"),
    Violation("tech-free", "application/dispatch/stray.py", "import sqlalchemy\n"),
    Violation("tech-free", "application/queries/stray.py", "from litestar import get\n"),
    Violation("strangers", "adapters/guxing/stray.py", "import wework_message.adapters.sql\n"),
    Violation("strangers", "adapters/sql/stray.py", "import wework_message.adapters.memory.database\n"),
    Violation("two-readings", "simulator/stray.py", "import wework_message.domain\n"),
    Violation("two-readings", "simulator/stray_fields.py", "import wework_message.entrypoints.wire.requests.fields\n"),
    *[
        Violation(
            "no-cycles",
            f"adapters/system/{module}.py",
            f"import wework_message.adapters.system.{imported}\n",
            "No cycles are allowed in wework_message.adapters.system.",
        )
        for module, imported in (("here", "there"), ("there", "here"))
    ],
]


def copied(place: Path) -> Path:
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


@pytest.fixture(scope="module")
def violated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The linter's report on a copy with every violation, without blanks: it wraps lines. One run takes as long as any."""
    copy = copied(tmp_path_factory.mktemp("violated"))
    for violation in VIOLATIONS:
        path = copy / "src" / "wework_message" / violation.module
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as module:
            module.write(violation.text)
    code, output = lint(copy)
    assert code == 1, output
    return output.replace(" ", "")


def lint(copy: Path, *arguments: str) -> tuple[int, str]:
    """Run the linter on the copy; return its exit code and its output in one line."""
    program = "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports_command as run; run()"
    ran = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", *arguments],
        cwd=copy, capture_output=True, check=False, text=True,
    )  # fmt: skip
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def section(report: str, contract: str) -> str:
    """What the report says below the heading of a contract that is broken."""
    _, _, details = report.partition("Brokencontracts")
    headings = {name: CONTRACTS[name].replace(" ", "") for name in CONTRACTS}
    _, _, below = details.partition(headings[contract] + "-")
    return min((below.partition(heading + "-")[0] for heading in headings.values()), key=len)


def test_the_copy_as_it_is_keeps_every_contract(tmp_path: Path) -> None:
    code, output = lint(copied(tmp_path))
    assert code == 0, output
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in output


def test_every_contract_is_violated_once_below() -> None:
    assert {violation.contract for violation in VIOLATIONS} == set(CONTRACTS)


def label(violation: Violation) -> str:
    return f"{violation.contract}-{violation.text.strip() or 'a stray package'}"


@pytest.mark.parametrize("violation", VIOLATIONS, ids=label)
def test_a_violation_breaks_its_contract_by_name(violated: str, violation: Violation) -> None:
    assert f"{CONTRACTS[violation.contract]}BROKEN".replace(" ", "") in violated
    assert violation.report.replace(" ", "") in section(violated, violation.contract)


def test_an_exception_that_is_not_needed_any_more_breaks_its_contract(tmp_path: Path) -> None:
    copy = copied(tmp_path)
    content = copy / "src" / "wework_message" / "domain" / "content" / "records.py"
    content.write_text("", encoding="utf-8")
    code, output = lint(copy, "--contract", "pure-domain")
    assert code == 1, output
    assert "No matches for ignored import wework_message.domain.content.records -> msgspec" in output
