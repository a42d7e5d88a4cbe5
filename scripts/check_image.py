"""Do what docker/Dockerfile does, without Docker: run its build steps in a temporary folder, and then its command there.

It shows that the sources exist and are not ignored, that the lock installs by hash, and that what is installed is what the lock names. As root
of a Linux (`scripts.contained`) the command then runs on exactly those files: as a user without a name and a home, on a read-only root. It
serves, passes its health check, sends, runs the demo and ends by SIGTERM with 0. This cannot show the base image and the layers.
Exit 0: everything holds. Exit 1: stderr shows the first failure.
"""

import http.client as web
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts import locked
from scripts.contained import Container, missing

ROOT: Final = Path(__file__).resolve().parents[1]
DOCKERFILE: Final = ROOT / "docker" / "Dockerfile"
START_S: Final = 60
STOP_S: Final = 30
OK: Final = 200
SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
NEEDLESS: Final = re.compile(r"pip|ensurepip|gcc|g\+\+|cc|ld|as|make|rustc|cargo|\.cache|conftest\.py")
"""Names of files and folders that only building and testing need."""
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
            check_tree(Path(name))
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


def check_tree(place: Path) -> None:
    """The image has what the lock names and nothing that only building or testing needs."""
    folder = inside(place, "/opt/wework-message")
    installed = {
        re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower()
        for path in folder.glob("lib/*/site-packages/*.dist-info")
    }
    lock = locked.read(ROOT / "requirements" / "server.lock")
    if strangers := installed - lock.keys() - {"wework-message"}:
        raise BrokenPromiseError(f"not in the lock: {sorted(strangers)}")
    if needless := sorted(str(path) for path in folder.rglob("*") if NEEDLESS.fullmatch(path.name)):
        raise BrokenPromiseError(f"needless: {needless}")
    print(f"image: {len(installed)} packages of the lock; no pip, compiler, cache or test of ours", flush=True)


def serve(steps: list[Instruction], place: Path) -> None:
    """Start ENTRYPOINT and CMD with ENV, wait for the health check, send a message, run the demo, then send SIGTERM."""
    last = {step.word: step.arguments for step in steps}
    command = [*json.loads(last["ENTRYPOINT"]), *json.loads(last["CMD"])]
    health = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    folder = inside(place, last["WORKDIR"])
    volumes = [inside(place, volume) for volume in json.loads(last["VOLUME"])]
    for volume in volumes:
        volume.mkdir(parents=True)
    (place / "root").mkdir()
    variables = dict(pair.split("=", 1) for step in steps if step.word == "ENV" for pair in step.arguments.split(" "))
    variables |= {
        "PATH": moved(variables["PATH"].replace("$PATH", SYSTEM_PATH), place),
        "SERVER_HOST": "127.0.0.1",
        "SERVER_PORT": str(free_port()),
    }
    folders = [inside(place, "/opt/wework-message"), folder]
    place.chmod(0o755)
    container = Container(place / "root", folders, volumes, folder, variables, secrets.randbelow(1_000_000) + 1_000_000)
    reason = missing()
    with (place / "log").open("wb") as log:
        if reason is None:
            process = container.start(command, log)
        else:
            print(f"image: it sees all of this machine ({reason})", flush=True)
            process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)

        def beside(*words: str) -> "subprocess.CompletedProcess[str]":
            if reason is None:
                return container.run(process.pid, words)
            program = shutil.which(words[0], path=variables["PATH"]) or words[0]
            return subprocess.run(
                [program, *words[1:]], cwd=folder, env=variables, capture_output=True, check=False, text=True
            )

        try:
            wait_until_healthy(lambda: beside(*health), process)
            print(f"image: {' '.join(command)} is healthy by its own check", flush=True)
            if reason is None:
                check_confinement(process.pid, container)
            send(int(variables["SERVER_PORT"]))
            demonstrate(beside)
            stop(process)
            check_lines((place / "log").read_text(errors="replace").splitlines())
        except (BrokenPromiseError, subprocess.TimeoutExpired) as error:
            raise BrokenPromiseError(f"{error}\n{(place / 'log').read_text(errors='replace')[-4000:]}") from None
        finally:
            process.kill()
            process.wait()


def check_confinement(pid: int, container: Container) -> None:
    """The running process is a user without a name or a home, on a read-only root without this repository."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    if f"Uid:\t{container.user}\t{container.user}" not in status or "HOME" in container.variables:
        raise BrokenPromiseError("it does not run as the user")
    for path in (ROOT, Path.home()):
        if container.run(pid, ["test", "-e", str(path / "pyproject.toml")]).returncode == 0:
            raise BrokenPromiseError(f"it sees {path}")
    for place in (container.root.parent, *container.folders, Path("/"), Path("/usr")):
        if container.run(pid, ["touch", str(place / "written")]).returncode == 0:
            raise BrokenPromiseError(f"it may write to {place}")
    mounts = Path(f"/proc/{pid}/mounts").read_text(encoding="utf-8").splitlines()
    root = next(line.split(" ") for line in mounts if line.split(" ")[1] == "/")
    if "ro" not in root[3].split(","):
        raise BrokenPromiseError(f"its root is writable: {root}")
    files = container.run(pid, ["find", *map(str, container.volumes), "-type", "f"]).stdout.split()
    if not any(name.endswith(".log") for name in files) or not any(name.endswith(".db") for name in files):
        raise BrokenPromiseError(f"no log and no database in its volumes: {files}")
    print(f"image: user {container.user} without a home; all but the volumes and /tmp is read-only", flush=True)


def send(port: int) -> None:
    """A message goes through the built-in simulator, and the probes of Kubernetes are answered."""
    connection = web.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = {"guid": "g-1", "conversationId": "S:1", "messageType": "TEXT", "content": "hello"}
        connection.request("POST", "/message/api/messages/send", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        if answer.status != OK or document["data"]["status"] not in {"SENT", "DELIVERED"}:
            raise BrokenPromiseError(f"a message was answered {answer.status}: {document}")
        for path in ("/message/api/health", "/message/actuator/health"):
            connection.request("GET", path)
            probe = connection.getresponse()
            probe.read()
            if probe.status != OK:
                raise BrokenPromiseError(f"{path} is answered {probe.status}")
    finally:
        connection.close()
    print("image: it sends a message and answers the probes", flush=True)


def demonstrate(beside: "Callable[..., subprocess.CompletedProcess[str]]") -> None:
    """`wework-message demo` sends every type of message, kills a provider, and judges by the ledgers."""
    ran = beside("wework-message", "demo")
    if ran.returncode:
        raise BrokenPromiseError(f"the demo ended with {ran.returncode}: {ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    print("image: wework-message demo holds what it promises on the files of the image alone", flush=True)


def check_lines(lines: list[str]) -> None:
    """What it logs is JSON, line by line, on the standard output."""
    events = [json.loads(line).get("event") for line in lines if line.startswith("{")]
    if "service.started" not in events:
        raise BrokenPromiseError("its output has no line about its start")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop it as `docker stop` does; it must exit with 0."""
    process.send_signal(signal.SIGTERM)
    if (code := process.wait(STOP_S)) != 0:
        raise BrokenPromiseError(f"SIGTERM ended it with {code}")
    print("image: SIGTERM ends it with 0", flush=True)


def wait_until_healthy(
    check: Callable[[], "subprocess.CompletedProcess[str]"], process: "subprocess.Popen[bytes]"
) -> None:
    """Repeat the check, as Docker does, until it exits with 0."""
    until = time.monotonic() + START_S
    while (ended := check()).returncode != 0:
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
