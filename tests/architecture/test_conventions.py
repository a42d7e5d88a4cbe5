"""House rules that no linter checks."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.support.source_trees import ONE_PROCESS, nodes_of, tree_of

pytestmark = ONE_PROCESS

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "wework_message"
MODULES: Final = sorted(PACKAGE.rglob("*.py"))
TESTS: Final = sorted((ROOT / "tests").rglob("*.py"))

MAX_MODULE_LINES: Final = 250
MAX_FUNCTION_LINES: Final = 50

LONGER_MODULES: Final = {
    "adapters/sql/mapping/tables.py": (300, "one schema: declarations, table by table"),
    "domain/message/message.py": (
        352,
        "one aggregate with all decisions about a message; its parts are in other modules",
    ),
}
"""Module: its own limit, and why it may have one."""

LONGER_FUNCTIONS: Final = {
    "adapters/sql/migrations/versions/0001_initial_schema.py": "a schema, statement by statement",
}

EMPTY_CLASS_NAME: Final = re.compile(r"(Manager|Helper|Util|Utils|Impl|DTO)(?![a-z])|^(Base|Abstract|I)(?=[A-Z][a-z])")
EMPTY_MODULE_NAME: Final = re.compile(r"(^|_)(manager|helper|helpers|util|utils|impl|misc|common)($|_)")

FORBIDDEN_IN_THE_DOMAIN: Final = {
    "alembic", "dependency_injector", "httptools", "httpx", "hypothesis", "litestar", "prometheus_client", "rich",
    "sqlalchemy", "uvicorn", "uvloop", "yaml",
}  # fmt: skip


SLEEP: Final = re.compile(r"\b(time|asyncio|trio|anyio)\.sleep\((?!0\))|\bawait sleep\(")
MAY_SLEEP: Final = {
    "tests/integration/http/test_http_client.py": "a deadline must pass: timers fire in their order, on any machine",
    "tests/e2e/test_kills.py": "a process lives for a random time: the kill comes at any moment, and nothing is awaited",
    "tests/support/load/clients.py": "a client's pause before it retries",
    "tests/integration/mysql/test_mysql_crash.py": "a client's pause before it retries",
    "tests/support/servers/rocketmq.py": "polls until a server answers",
    "tests/support/servers/server.py": "the same",
    "tests/support/queues/shuffling.py": "holds messages back while others overtake them",
    "tests/support/polling.py": "the one loop that polls a condition",
    "tests/support/processes/programs.py": "the same, for a process",
    "tests/support/processes/rolling.py": "clients at a steady pace, and a balancer that learns late on purpose",
    "tests/support/providers/scripted_provider.py": "a provider that is slow on purpose",
}

ASSERTING: Final = re.compile(r"(assert|check|expect|raises|warns|fail|verify)")

SECRETS_OF_A_MACHINE: Final = re.compile(
    r"""(^|[\s"'=(:])/(work|farm|root|home/[a-z]+|Users/[a-z]+|opt/wheels)/"""
    r"|\b(pypi\.org|files\.pythonhosted\.org|registry\.npmjs|artifactory|nexus|(pypi|index|mirror)\.[a-z]+\.(com|cn|edu|internal))\b"
)
INDEX_ADDRESS: Final = re.compile(
    r"--(extra-)?index-url|--find-links|--trusted-host|^\s*-[if]\s|https?://", re.MULTILINE
)
TEXTS: Final = {".py", ".md", ".toml", ".yml", ".yaml", ".txt", ".sh", ".json", ".jsonl", ".lock", ".mako", ""}


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT))


def code_lines(path: Path) -> int:
    """Lines that are neither blank nor comment; docstrings count."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes_of(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def undocumented(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Public classes and functions, and public methods of public classes, that have no docstring."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from undocumented(node.body, f"{node.name}.")


def asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef):  # a suite that an adapter inherits
        return any("Contract" in ast.dump(base) for base in node.bases)
    if isinstance(node, ast.Call):
        return bool(ASSERTING.match(getattr(node.func, "attr", getattr(node.func, "id", ""))))
    return isinstance(node, ast.Assert)


def tracked() -> list[Path]:
    """The files of the repository, those not yet committed included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 -- git wherever it is
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_modules_stay_small() -> None:
    limits = {name: limit for name, (limit, _) in LONGER_MODULES.items()}
    sizes = {named(path): code_lines(path) for path in MODULES if named(path) not in LONGER_FUNCTIONS}
    assert {name: size for name, size in sizes.items() if size > limits.get(name, MAX_MODULE_LINES)} == {}
    assert [name for name in limits if sizes[name] <= MAX_MODULE_LINES] == [], "needs no exception any more"


def test_functions_fit_one_screen() -> None:
    long = {
        named(path)
        for path in MODULES
        for function in functions(path)
        if (function.end_lineno or function.lineno) - function.lineno >= MAX_FUNCTION_LINES
    }
    assert long == set(LONGER_FUNCTIONS)


def test_public_names_of_domain_and_application_have_docstrings() -> None:
    documented = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in ("domain", "application")]
    assert len(documented) > 40
    assert [f"{named(path)}: {name}" for path in documented for name in undocumented(tree_of(path).body)] == []


def test_no_import_is_hidden_from_the_run_time() -> None:
    hidden = "TYPE" + "_CHECKING"
    assert [named(path) for path in [*MODULES, *TESTS] if hidden in path.read_text(encoding="utf-8")] == []


def test_names_are_the_field_s_own() -> None:
    classes = [
        f"{named(path)}: {node.name}"
        for path in [*MODULES, *TESTS]
        for node in nodes_of(path)
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAME.search(node.name)
    ]
    assert classes == []
    assert [named(path) for path in [*MODULES, *TESTS] if EMPTY_MODULE_NAME.search(path.stem)] == []


def test_the_domain_is_asynchronous_only_in_its_ports() -> None:
    waiting = {
        path.parent.name
        for path in sorted((PACKAGE / "domain").rglob("*.py"))
        for node in nodes_of(path)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
    }
    assert waiting == {"ports"}


@pytest.mark.parametrize(
    "module",
    [
        "wework_message.domain",
        "wework_message.application.api",
        "wework_message.adapters.memory",
        "wework_message.adapters.local.health",
    ],
)
def test_a_fresh_interpreter_loads_nothing_forbidden_with_the_embeddable_part(module: str) -> None:
    program = f"import pkgutil, sys, {module} as m\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, text=True)
    loaded = set(ran.stdout.split())
    assert "msgspec" in loaded or module.startswith("wework_message.adapters.")
    assert loaded & FORBIDDEN_IN_THE_DOMAIN == set()


def test_every_module_of_the_domain_is_loaded_without_anything_forbidden() -> None:
    names = [f"wework_message.{'.'.join(path.relative_to(PACKAGE).with_suffix('').parts)}" for path in MODULES]
    modules = [name.removesuffix(".__init__") for name in names if name.startswith("wework_message.domain.")]
    program = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, text=True)
    loaded = set(ran.stdout.split())
    assert set(modules) <= loaded
    assert loaded & FORBIDDEN_IN_THE_DOMAIN == set()
    assert not [name for name in loaded if name.startswith("wework_message.") and ".domain" not in name]


EXCEPTION: Final = re.compile(r"(Error|Rejected|Exception|Refusal)$")


def test_no_exception_is_made_once_and_raised_often() -> None:
    """Each raise adds to the traceback of an exception, which keeps the frames and all that they hold, such as bodies."""
    kept = [
        f"{named(path)}:{statement.lineno}"
        for path in MODULES
        for statement in tree_of(path).body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and isinstance(statement.value, ast.Call)
        and EXCEPTION.search(ast.unparse(statement.value.func))
    ]
    assert kept == []


def test_tests_wait_for_events_and_never_sleep() -> None:
    asleep = [
        f"{named(path)}:{number}"
        for path in TESTS
        if named(path) not in MAY_SLEEP
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SLEEP.search(line)
    ]
    assert asleep == []


def test_every_test_file_asserts() -> None:
    files = [path for path in TESTS if re.match(r"test_|.*_contract$", path.stem)]
    assert len(files) > 50
    assert [named(path) for path in files if not any(asserts(node) for node in nodes_of(path))] == []


def test_the_repository_names_no_registry_and_no_machine() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in TEXTS and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if SECRETS_OF_A_MACHINE.search(line)
    ]
    assert lines == []


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.lock")), ids=named)
def test_a_lock_file_pins_by_hash_and_names_no_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE)
    assert INDEX_ADDRESS.findall(text) == []
    assert pins
    for block in re.split(r"(?m)^(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block.partition(" ")[0]
