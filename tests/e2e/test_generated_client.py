"""Java clients that openapi-generator makes of our document: they compile, and a team's first requests work."""

import asyncio
from pathlib import Path
from typing import Final

import pytest
from tests.support.processes.running_service import running_service
from tests.support.servers.maven import classpath, missing
from tests.support.servers.plugin import require

pytestmark = [pytest.mark.e2e, pytest.mark.services]

GENERATOR: Final = "openapi-generator"
CLIENT: Final = "generated-client"
PROGRAMS: Final = Path(__file__).parents[1] / "java" / CLIENT
LIGHT: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For programs that run for some seconds: half the time of a processor."""

JAKARTA: Final = ("--additional-properties", "useJakartaEe=true")
OPTIONS: Final = {
    "native": JAKARTA,
    "resttemplate": (*JAKARTA, "--additional-properties", "useOneOfInterfaces=true,openApiNullable=false"),
}
"""For RestTemplate as docs/api.md says: a message is an interface, and a null is an absent field, which its mapper cannot tell apart."""

SAID: Final = {
    "native": """\
sent [true, null]
again [200, true, true]
status [true, null]
content [TEXT, 你好, {order=42}]
mixed [null, true, 2]
async [true, false]
batch [2, 0, 14]
fanOut [2, FANOUT]
explain [true]
account [java, [sales], java-2, null]
providers [GUANGZHOU_GUXING]
cancel [409, true]
""",
    "resttemplate": """\
sent [true]
content [TEXT, 你好]
mixed [2]
batch [2]
refused [422, true]
""",
}


@pytest.mark.parametrize("library", SAID)
async def test_a_java_client_made_of_the_document_compiles_and_works(tmp_path: Path, library: str) -> None:
    for jars in (GENERATOR, CLIENT):
        require(jars, missing(jars))
    async with running_service(tmp_path) as running:
        document = tmp_path / "api.json"
        document.write_bytes((await running.api.client.get("/v3/api-docs")).content)
        sources = await _generated(document, library)
        classes = await _compiled(sources, PROGRAMS / library)
        jars = f"{classes}:{classpath(CLIENT).read_text()}"
        said = await _run("java", *LIGHT, "-Dstdout.encoding=UTF-8", "-cp", jars, "Main", running.service.url)
    assert said == SAID[library]


async def _generated(document: Path, library: str) -> Path:
    """The client's sources; the generator refuses a document that is not valid."""
    to = document.with_name("client")
    said = await _run(
        "java", *LIGHT, "-jar", classpath(GENERATOR).read_text().strip(), "generate", "-i", str(document),
        "-g", "java", "--library", library, "-o", str(to), *OPTIONS[library],
    )  # fmt: skip
    assert "ERROR" not in said
    return to / "src" / "main" / "java"


async def _compiled(sources: Path, program: Path) -> Path:
    """All classes of the client, and the program that uses them."""
    classes = sources.parents[2] / "classes"
    files = [str(file) for folder in (sources, program) for file in folder.rglob("*.java")]
    (listed := sources.parents[2] / "files.txt").write_text("\n".join(files))
    jvm = [f"-J{option}" for option in LIGHT]
    jars = classpath(CLIENT).read_text()
    await _run(
        "javac", *jvm, "-nowarn", "-proc:none", "-encoding", "UTF-8", "-d", str(classes), "-cp", jars, f"@{listed}"
    )
    return classes


async def _run(*command: str) -> str:
    """What the command says; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-4000:]
    return output.decode()
