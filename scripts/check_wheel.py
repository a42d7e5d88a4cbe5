"""Build the wheel and use it as its users will: embedded with one dependency, typed, tested with the shipped strategies.

A provider package of somebody else, `examples/courier`, is built and installed beside it, and runs the shipped contract suite.
Every environment is new, outside the repository, and gets the locked versions by hash. Nothing is kept.
Exit 0: everything holds. Exit 1: stderr shows the first failure.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from scripts import locked

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "dev.lock"
EMBEDDABLE = (
    "wework_message.domain", "wework_message.application", "wework_message.adapters.memory", "wework_message.adapters.local",
)  # fmt: skip
EX_UNAVAILABLE = 69

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
known = set(sys.stdlib_module_names) | {"msgspec", "wework_message"}
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(module.name)
others = {name.partition(".")[0] for name in sys.modules} - known
others = {name for name in others if not name.startswith("_")}
if others:
    sys.exit("also loaded: " + ", ".join(sorted(others)))
import wework_message
print(sum(name.startswith("wework_message.") for name in sys.modules), wework_message.__file__)
"""


class BrokenPromiseError(Exception):
    """A promise about the wheel does not hold."""


def main() -> int:
    """Run every check in an environment of its own; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="wework-message-wheel-") as name:
        place = Path(name)
        try:
            wheel = build(place / "dist")
            check_contents(wheel)
            check_metadata(wheel)
            check_embedding(wheel, place / "embedding")
            programs = environment(place / "testing", wheel, "msgspec", "hypothesis", "pytest", "pytest-asyncio")
            check_property_tests(programs, place / "property-tests")
            check_provider_package(programs, place / "provider")
        except BrokenPromiseError as broken:
            sys.stderr.write(f"wheel: {broken}\n")
            return 1
    return 0


def say(text: str) -> None:
    """Print one line per check that holds."""
    print(f"wheel: {text}", flush=True)


def run(*command: str | Path, cwd: Path, expected: int = 0) -> str:
    """Run a command without the repository's environment; return its output. `BrokenPromiseError` for another exit code."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_", "COVERAGE"))}
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a plugin that is wanted is named
    ran = subprocess.run(
        command, cwd=cwd, env=inherited, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True
    )
    if ran.returncode != expected:
        raise BrokenPromiseError(
            f"{' '.join(map(str, command))}\nexit {ran.returncode} instead of {expected}\n{ran.stdout}"
        )
    return ran.stdout


def build(into: Path) -> Path:
    """The wheel, built with what the lock has: no build isolation, so nothing unpinned is fetched."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", into, ROOT, cwd=ROOT)
    wheels = list(into.glob("*.whl"))
    if len(wheels) != 1:
        raise BrokenPromiseError(f"{len(wheels)} wheels were built")
    say(f"built {wheels[0].name}")
    return wheels[0]


def check_contents(wheel: Path) -> None:
    """Every file of the package is in it, `py.typed` and the data files too, and nothing else."""
    package = ROOT / "src"
    here = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    there = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if here != there:
        raise BrokenPromiseError(f"missing: {sorted(here - there)}; not ours: {sorted(there - here)}")
    if "wework_message/py.typed" not in there:
        raise BrokenPromiseError("py.typed is missing")
    say(f"{len(there)} files, py.typed among them")


def metadata(wheel: Path) -> Message:
    """The metadata of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def check_metadata(wheel: Path) -> None:
    """Embedding costs one dependency; everything else is an extra."""
    headers = metadata(wheel)
    needed = [line for line in headers.get_all("Requires-Dist", []) if "extra ==" not in line]
    if len(needed) != 1 or not needed[0].startswith("msgspec"):
        raise BrokenPromiseError(f"without an extra it needs {needed}")
    extras = set(headers.get_all("Provides-Extra", []))
    if not extras >= {"server", "testing", "all"}:
        raise BrokenPromiseError(f"it has the extras {sorted(extras)}")
    say(f"needs {needed[0]} and nothing else without an extra")


def environment(place: Path, wheel: Path, *names: str) -> Path:
    """A new environment with the wheel and the locked `names`, by hash; its folder of programs."""
    venv.create(place, with_pip=True)
    programs = place / "bin"
    requirements = place / "requirements.txt"
    pins = locked.with_what_they_need(locked.read(LOCK), *names)
    requirements.write_text("".join(pin.block for pin in pins), encoding="utf-8")
    pip = (programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*pip, "--require-hashes", "-r", requirements, cwd=place)
    run(*pip, wheel, cwd=place)
    run(programs / "python", "-m", "pip", "check", cwd=place)
    return programs


def check_embedding(wheel: Path, place: Path) -> None:
    """With msgspec alone: imports, the console script's advice, and the example service."""
    programs = environment(place, wheel, "msgspec")
    imported = run(programs / "python", "-I", "-c", IMPORT_EVERYTHING, *EMBEDDABLE, cwd=place)
    count, _, origin = imported.strip().partition(" ")
    if not Path(origin).is_relative_to(place):
        raise BrokenPromiseError(f"it was imported from {origin}")
    say(f"{count} modules of {', '.join(EMBEDDABLE)} import with msgspec alone")
    output = run(programs / "wework-message", "serve", cwd=place, expected=EX_UNAVAILABLE)
    if "pip install 'wework-message[server]'" not in output or "Traceback" in output:
        raise BrokenPromiseError(f"the command without the extra says: {output}")
    say(f"the command without the extra says what to install, exit {EX_UNAVAILABLE}")
    example = Path(shutil.copytree(ROOT / "examples" / "embedding", place / "example"))
    if "all as promised" not in run(programs / "python", "-I", "main.py", cwd=example):
        raise BrokenPromiseError("examples/embedding ended early")
    say("examples/embedding runs")


def check_property_tests(programs: Path, place: Path) -> None:
    """With the extra `testing`: the example properties hold on the shipped fakes."""
    example = Path(shutil.copytree(ROOT / "examples" / "property_tests", place))
    output = run(programs / "python", "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-W", "error", cwd=example)
    if " passed" not in output:
        raise BrokenPromiseError(f"examples/property_tests: {output}")
    say(f"examples/property_tests: {output.strip().splitlines()[-1]}")


def check_provider_package(programs: Path, place: Path) -> None:
    """A provider package of somebody else, installed beside the wheel: it passes the shipped suite, and `serve` sends through it.

    The server's extra comes from the environment that runs this script, which has the locked versions: to install it once
    more would cost more than everything else here.
    """
    example = Path(shutil.copytree(ROOT / "examples" / "courier", place))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", example / "dist", example, cwd=example)
    (built,) = (example / "dist").glob("*.whl")
    run(programs / "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", built, cwd=place)
    (example / "wework_message_courier.py").unlink()
    own = run(programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place)
    # Folders of a .pth file come last, and .pth files in them, such as that of an editable install, are not followed.
    Path(own.strip(), "locked.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    origin = run(programs / "python", "-c", "import wework_message; print(wework_message.__file__)", cwd=place)
    if not Path(origin.strip()).is_relative_to(programs.parent):
        raise BrokenPromiseError(f"it was imported from {origin}")
    plugins = ("-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider")
    output = run(programs / "python", "-m", "pytest", "--quiet", *plugins, "-W", "error", cwd=example)
    if " passed" not in output:
        raise BrokenPromiseError(f"examples/courier: {output}")
    say(f"examples/courier, installed beside it: {output.strip().splitlines()[-1]}")


if __name__ == "__main__":
    sys.exit(main())
