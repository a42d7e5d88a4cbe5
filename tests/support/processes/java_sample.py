"""The Java sample of `examples/java`: built by Maven without a network, then run like any Java program."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.servers import maven

_SAMPLE: Final = Path(__file__).parents[3] / "examples" / "java"
_JAR: Final = "wework-message-sample.jar"
_BRIEF: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")
"""Of a JVM that lives for seconds: it compiles little."""


def missing() -> str | None:
    """Why this machine cannot build the sample, or None."""
    if not shutil.which("mvn"):
        return "no mvn in PATH"
    return maven.missing("java-sample", _SAMPLE / "pom.xml")


async def build(folder: Path) -> Path:
    """The jar, built in this folder; AssertionError with the output of Maven where that fails."""
    for part in ("pom.xml", "src"):
        source = _SAMPLE / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
    await _run(
        folder, {"MAVEN_OPTS": " ".join(_BRIEF)}, "mvn", "-B", "-q", "-o", "-f", str(folder / "pom.xml"), "package"
    )
    return folder / "target" / _JAR


async def run(jar: Path, **settings: str) -> str:
    """What it prints; AssertionError, with that, where it does not end with 0. `settings` are environment variables."""
    home = f"-Duser.home={jar.parent}"  # the RocketMQ client writes its log there
    return await _run(jar.parent, settings, "java", *_BRIEF, home, "-jar", str(jar))


async def _run(folder: Path, settings: Mapping[str, str], *command: str) -> str:
    known = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=known | {"LC_ALL": "C.UTF-8", **settings}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output = (await process.communicate())[0].decode("utf-8", "replace")
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}:\n{output}"
    return output
