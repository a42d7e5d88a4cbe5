"""Every import contract breaks when it is violated: a contract that cannot break is no guard."""

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

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
    modules: dict[str, str]
    """Path below the package: the text that is written there."""


VIOLATIONS: Final = [
    Violation("layers", {"domain/stray.py": "import wework_message.application.api\n"}),
    Violation("layers", {"adapters/system/stray.py": "import wework_message.entrypoints.wire\n"}),
    Violation("layers", {"entrypoints/rest/stray.py": "import wework_message.adapters.memory\n"}),
    Violation("layers", {"application/stray.py": "import wework_message.bootstrap\n"}),
    Violation("layers", {"toolbox/__init__.py": ""}),
    *[
        Violation("pure-domain", {"domain/stray.py": f"import {module}\n"})
        for module in ("asyncio", "logging", "os", "random", "time", "uuid", "msgspec", "sqlalchemy", "httpx")
    ],
    Violation("aggregate", {"domain/message/decision.py": "import wework_message.domain.routing.selector\n"}),
    Violation("one-root", {"entrypoints/rest/stray.py": "import dependency_injector\n"}),
    Violation("one-root", {"adapters/sql/stray.py": "from dependency_injector import containers\n"}),
    Violation("tech-free", {"application/dispatch/stray.py": "import sqlalchemy\n"}),
    Violation("tech-free", {"application/queries/stray.py": "from litestar import get\n"}),
    Violation("strangers", {"adapters/guxing/stray.py": "import wework_message.adapters.sql\n"}),
    Violation("strangers", {"adapters/sql/stray.py": "import wework_message.adapters.memory.database\n"}),
    Violation("two-readings", {"simulator/stray.py": "import wework_message.domain\n"}),
    Violation("two-readings", {"simulator/stray.py": "import wework_message.entrypoints.wire.requests.fields\n"}),
    Violation(
        "no-cycles",
        {
            "adapters/system/here.py": "import wework_message.adapters.system.there\n",
            "adapters/system/there.py": "import wework_message.adapters.system.here\n",
        },
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def lint(copy: Path, *arguments: str) -> tuple[int, str]:
    """Run the linter on the copy; return its exit code and its output in one line."""
    program = "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports_command as run; run()"
    ran = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", *arguments],
        cwd=copy, capture_output=True, check=False, text=True,
    )  # fmt: skip
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def test_the_copy_as_it_is_keeps_every_contract(copy: Path) -> None:
    code, output = lint(copy)
    assert code == 0, output
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in output


def test_every_contract_is_violated_once_below() -> None:
    assert {violation.contract for violation in VIOLATIONS} == set(CONTRACTS)


def label(violation: Violation) -> str:
    return f"{violation.contract}-{next(iter(violation.modules.values())).strip() or 'a stray package'}"


@pytest.mark.parametrize("violation", VIOLATIONS, ids=label)
def test_a_violation_breaks_its_contract_by_name(copy: Path, violation: Violation) -> None:
    written = [copy / "src" / "wework_message" / name for name in violation.modules]
    replaced = {path: path.read_text(encoding="utf-8") for path in written if path.exists()}
    try:
        for path, text in zip(written, violation.modules.values(), strict=True):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        code, output = lint(copy, "--contract", violation.contract)
    finally:
        for path in written:
            path.unlink()
            if path in replaced:
                path.write_text(replaced[path], encoding="utf-8")
            if path.parent.name == "toolbox":
                path.parent.rmdir()
    assert code == 1, output
    assert f"{CONTRACTS[violation.contract]}BROKEN".replace(" ", "") in output.replace(
        " ", ""
    )  # the report wraps lines


def test_an_exception_that_is_not_needed_any_more_breaks_its_contract(copy: Path) -> None:
    content = copy / "src" / "wework_message" / "domain" / "content" / "records.py"
    original = content.read_text(encoding="utf-8")
    try:
        content.write_text("", encoding="utf-8")
        code, output = lint(copy, "--contract", "pure-domain")
    finally:
        content.write_text(original, encoding="utf-8")
    assert code == 1, output
    assert "No matches for ignored import wework_message.domain.content.records -> msgspec" in output
