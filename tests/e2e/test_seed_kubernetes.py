"""The Deployment of the original description plus a Secret: what its container would run, as its kubelet would run it, on MariaDB.

As a user without a name, without HOME, on a read-only file system without a single volume: more than that manifest asks for.
"""

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from scripts.check_image import stages
from scripts.contained import Container, missing
from tests.support.mysql import EmptyDatabase
from tests.support.polling import until
from tests.support.processes.programs import SimulatorProgram
from tests.support.processes.running_service import Api, Simulator, client_of, text
from tests.support.servers.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.services]

ROOT: Final = Path(__file__).parents[2]
MANIFEST: Final = ROOT / "tests" / "golden" / "seed-deployment.yaml"
DEFAULT_GRACE_S: Final = 30
SERVICE_LINKS: Final = {
    "KUBERNETES_PORT": "tcp://10.0.0.1:443",
    "MESSAGE_SERVICE_PORT": "tcp://10.0.0.2:8082",
    "MESSAGE_SERVICE_SERVICE_HOST": "10.0.0.2",
    "REDIS_PORT": "tcp://10.0.0.3:6379",
    "REDIS_SERVICE_HOST": "10.0.0.3",
    "ROCKETMQ_NAMESERVER_PORT": "tcp://10.0.0.4:9876",
}
"""What a kubelet adds for the services of a namespace; some look like settings."""


def the_container() -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load(MANIFEST.read_text("utf-8"))["spec"]["template"]["spec"]
    assert spec.keys() == {"containers"}, "no grace period of its own, no securityContext, no volumes"
    (container,) = spec["containers"]
    return container  # type: ignore[no-any-return] # of a document


def installed() -> list[Path]:
    """Where the service lies here: the environment, and this repository's sources."""
    sources = [Path(path) for path in sys.path if Path(path).is_dir() and Path(path).is_relative_to(ROOT)]
    return [Path(sys.prefix), *dict.fromkeys([*sources, ROOT / "src"])]


def user_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Uid:"))


def secret(database: EmptyDatabase, provider_url: str) -> dict[str, str]:
    """What docs/docker.md says is missing there."""
    target = database.target
    return {
        "SPRING_DATASOURCE_URL": f"jdbc:mysql://{target.host}:{target.port}/{target.database}",
        "SPRING_DATASOURCE_USERNAME": target.username,
        "SPRING_DATASOURCE_PASSWORD": target.password,
        "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": provider_url,
    }


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[tuple[SimulatorProgram, int]]:
    """With the port at which the service will listen."""
    port = free_port()
    program = SimulatorProgram(tmp_path, f"http://127.0.0.1:{port}/message/api/callbacks/webhook")
    program.start()
    yield program, port
    program.close()


async def test_the_seed_s_manifest_and_a_secret_start_the_service_and_it_drains_in_the_default_grace_period(
    tmp_path: Path, migrated: EmptyDatabase, simulator: tuple[SimulatorProgram, int]
) -> None:
    if reason := missing():
        pytest.skip(reason)
    migrated.server.restore()
    provider, port = simulator
    container = the_container()
    running = stages((ROOT / "docker" / "Dockerfile").read_text("utf-8"))[1]
    last = {step.word: step.arguments for step in running}
    entry = [*json.loads(last["ENTRYPOINT"]), *json.loads(last["CMD"])]
    assert entry == ["wework-message", "serve"]
    image = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "SERVER_HOST": "0.0.0.0"}  # noqa: S104 -- the image's
    place, work = tmp_path / "root", tmp_path / "work"
    place.mkdir()
    work.mkdir(mode=0o755)
    settings = {entry["name"]: entry["value"] for entry in container["env"]}
    assert settings == {"SPRING_PROFILES_ACTIVE": "k8s"}
    contained = Container(
        place,
        [*installed(), work],
        [],
        work,
        {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "SERVER_PORT": str(port),
            **image, **settings, **secret(migrated, provider.origin), **SERVICE_LINKS,
        },
        secrets.randbelow(1_000_000) + 1_000_000,
    )  # fmt: skip
    probes = [container[name] for name in ("livenessProbe", "readinessProbe")]
    with (tmp_path / "output").open("wb") as output:
        began = time.monotonic()
        process = contained.start([f"{sys.prefix}/bin/python", "-m", "wework_message", *entry[1:]], output)
        try:
            async with client_of(f"http://127.0.0.1:{port}") as client:

                async def answers() -> bool:
                    assert process.poll() is None, (tmp_path / "output").read_text()
                    try:
                        return (await client.get(probes[1]["httpGet"]["path"])).is_success
                    except httpx.TransportError:
                        return False

                await until(answers, probes[1]["initialDelaySeconds"])
                for probe in probes:
                    assert probe["httpGet"]["port"] == 8082
                    assert (await client.get(probe["httpGet"]["path"])).status_code == 200
            async with client_of(f"http://127.0.0.1:{port}/message") as client, client_of(provider.origin) as control:
                message_id = await Api(client).accept(text())
                await Api(client).reaches(message_id, "DELIVERED")
                assert len(await Simulator(control).calls(message_id)) == 1
            assert user_of(process.pid) == contained.user
            began = time.monotonic()
            os.kill(process.pid, signal.SIGTERM)
            async with client_of(f"http://127.0.0.1:{port}/message") as client:

                async def leaves() -> bool:
                    return (await client.get("/actuator/health")).status_code == 503

                await until(leaves)
                await Api(client).accept(text("late", conversationId="S:2"))  # from a balancer that has not heard of it
            assert await asyncio.to_thread(process.wait, DEFAULT_GRACE_S) == 0
            assert time.monotonic() - began >= 10, "balancers need their time"
        finally:
            process.kill()
            process.wait()
    print((tmp_path / "output").read_text())  # noqa: T201 -- pytest shows it where the test failed
