"""Do what docker/Dockerfile does, without Docker: run its build steps in a temporary folder, and then its command there.

This cannot show the base image, the user and the layers. It shows that the sources exist and are not ignored, that the lock
installs by hash, that the command serves, that the health check passes, and that SIGTERM ends the process with 0.
Exit 0: everything holds. Exit 1: stderr shows the first failure.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DOCKERFILE: Final = ROOT / "docker" / "Dockerfile"
START_S: Final = 60
STOP_S: Final = 30
IMAGE_FOLDERS: Final = ("/opt/wework-message", "/opt/building", "/build", "/srv/wework-message")
"""Folders of the image; here they lie below the temporary one."""


class BrokenPromiseError(Exception):
    """A promise about the image does not hold."""


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its lines joined."""

    word: str
    arguments: str


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, without comments."""
    joined = re.sub(r"\\\n\s*", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    for line in joined.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Instruction(word.upper(), re.sub(r"\s+", " ", rest).strip())


def stages(text: str) -> list[list[Instruction]]:
    """The instructions of each stage, without those before the first one (ARG)."""
    result: list[list[Instruction]] = []
    for instruction in instructions(text):
        if instruction.word == "FROM":
            result.append([])
        if result:
            result[-1].append(instruction)
    return result


def sent_to_the_builder(name: str, ignore: str) -> bool:
    """Whether .dockerignore, which excludes everything and then includes some, includes this path in the build context."""
    rules = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    if rules[0] != "*":
        raise BrokenPromiseError(".dockerignore no longer begins with *")
    return any(line.startswith("!") and (name == line[1:] or name.startswith(f"{line[1:]}/")) for line in rules)


def main() -> int:
    """Build, serve, check, stop; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="wework-message-image-") as name:
        try:
            building, running = stages(DOCKERFILE.read_text(encoding="utf-8"))
            build(building, Path(name))
            serve(running, Path(name))
        except BrokenPromiseError as broken:
            sys.stderr.write(f"image: {broken}\n")
            return 1
    return 0


def build(steps: list[Instruction], place: Path) -> None:
    """Do COPY and RUN of the first stage."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    folder = inside(place, "/build")
    folder.mkdir(parents=True)
    inside(place, "/opt").mkdir(exist_ok=True)
    for step in steps:
        if step.word == "COPY":
            *sources, target = step.arguments.split(" ")
            for source in sources:
                copy(source, folder / target, ignore)
        elif step.word == "RUN":
            run(moved(step.arguments, place).replace("python -m venv", f"{sys.executable} -m venv"), folder)
    print("image: its build steps ran", flush=True)


def copy(source: str, target: Path, ignore: str) -> None:
    """Copy as Docker does: a file goes into a folder, a folder's content becomes the target."""
    here = ROOT / source
    if not here.exists() or not sent_to_the_builder(source, ignore):
        raise BrokenPromiseError(f"COPY {source}: it is not there, or .dockerignore keeps it out")
    if here.is_dir():
        shutil.copytree(here, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        target.mkdir(exist_ok=True)
        shutil.copy(here, target)


def run(command: str, folder: Path) -> None:
    """Run a command by the shell, as RUN does."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_", "COVERAGE"))
    }
    ran = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, check=False, text=True
    )
    if ran.returncode:
        raise BrokenPromiseError(f"RUN {command}\n{ran.stdout}{ran.stderr}")


def serve(steps: list[Instruction], place: Path) -> None:
    """Start ENTRYPOINT and CMD with ENV, wait for the health check, then send SIGTERM."""
    last = {step.word: step.arguments for step in steps}
    command = [*json.loads(last["ENTRYPOINT"]), *json.loads(last["CMD"])]
    health = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    folder = inside(place, "/srv/wework-message")
    folder.mkdir(parents=True)
    variables = dict(pair.split("=", 1) for step in steps if step.word == "ENV" for pair in step.arguments.split(" "))
    variables |= {
        "PATH": moved(variables["PATH"].replace("$PATH", os.environ["PATH"]), place),
        "SERVER_HOST": "127.0.0.1",
        "SERVER_PORT": str(free_port()),
    }
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
        try:
            wait_until_healthy(health, variables, process)
            print(f"image: {' '.join(command)} is healthy by its own check", flush=True)
            stop(process)
        except (BrokenPromiseError, subprocess.TimeoutExpired) as error:
            raise BrokenPromiseError(f"{error}\n{(place / 'log').read_text(errors='replace')[-4000:]}") from None
        finally:
            process.kill()
            process.wait()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop it as `docker stop` does; it must exit with 0."""
    process.send_signal(signal.SIGTERM)
    if (code := process.wait(STOP_S)) != 0:
        raise BrokenPromiseError(f"SIGTERM ended it with {code}")
    print("image: SIGTERM ends it with 0", flush=True)


def wait_until_healthy(check: list[str], variables: dict[str, str], process: "subprocess.Popen[bytes]") -> None:
    """Repeat the check, as Docker does, until it exits with 0."""
    until = time.monotonic() + START_S
    while True:
        program = shutil.which(check[0], path=variables["PATH"]) or check[0]
        ended = subprocess.run([program, *check[1:]], env=variables, capture_output=True, check=False, text=True)
        if ended.returncode == 0:
            return
        if process.poll() is not None or time.monotonic() > until:
            raise BrokenPromiseError(f"it never became healthy: {ended.stderr}")
        time.sleep(0.1)


def inside(place: Path, path: str) -> Path:
    """The folder here for a folder of the image."""
    return place / path.lstrip("/")


def moved(text: str, place: Path) -> str:
    """A command with the image's folders replaced by the folders here."""
    return re.sub(
        rf"(?<![\w.])({'|'.join(map(re.escape, IMAGE_FOLDERS))})", lambda match: str(inside(place, match[0])), text
    )


def free_port() -> int:
    """A free port of the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
