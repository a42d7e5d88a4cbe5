"""The files for Docker, which no daemon reads here: the names in them exist, and the service knows the settings.

`make check` runs the build steps themselves (scripts/check_image.py).
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import rich_click as click
import yaml
from scripts import locked
from scripts.check_image import Instruction, sent_to_the_builder, stages
from tests.support.apps.rest import empty_metrics
from tests.support.servers.ports import free_port

from wework_message.adapters.sql.mysql.server import MINIMUM_PACKET, _objections
from wework_message.bootstrap.command_line import cli
from wework_message.bootstrap.settings import load
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.schema import known_leaves
from wework_message.bootstrap.settings.spring import ALIASES, PROFILES_KEY, REDIS_PARTS
from wework_message.entrypoints.cli.lazy_command import LazyCommand
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.routes import route_templates

ROOT: Final = Path(__file__).parents[2]
DOCKER: Final = ROOT / "docker"
MONITORING: Final = "compose.monitoring.yaml"
BUILDING, RUNNING = stages((DOCKER / "Dockerfile").read_text("utf-8"))
VARIABLES: Final = {
    variable_of(key) for key in (*known_leaves(["guangzhou-guxing"]), *ALIASES, *REDIS_PARTS, PROFILES_KEY)
}
OWN: Final = (
    "SPRING_",
    "SERVER_",
    "DATASOURCE_",
    "REDIS_",
    "ROCKETMQ_",
    "APP_",
    "LOGGING_",
    "SECURITY_",
    "MANAGEMENT_",
)
INTERPOLATED: Final = re.compile(r"(?<!\$)\$\{(\w+)")
UNSET: Final = re.compile(r"\$\{\w+:-([^}]*)\}")
IMAGE: Final = re.compile(r"\$\{(WEWORK_\w+_IMAGE):-([^}]+)\}")
SECRET: Final = re.compile(r"PASSWORD|SECRET|AUTH|_KEY$")


class ComposeLoader(yaml.SafeLoader):
    """YAML with the two tags of Compose's merge rules."""


def _sequence(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


for tag in ("!reset", "!override"):
    ComposeLoader.add_constructor(tag, _sequence)


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    document: dict[str, Any] = yaml.load((DOCKER / name).read_text("utf-8"), ComposeLoader)  # noqa: S506 - a SafeLoader
    return document


def stacks() -> dict[str, dict[str, Any]]:
    """The Compose files that have containers of their own."""
    return {name: compose(name) for name in ("compose.yaml", MONITORING)}


def containers() -> dict[str, dict[str, Any]]:
    """Of all stacks, by name."""
    return {name: container for stack in stacks().values() for name, container in stack["services"].items()}


def arguments_of(word: str, steps: list[Instruction] = RUNNING) -> list[str]:
    return [step.arguments for step in steps if step.word == word]


def settings_of(service: dict[str, Any], folder: Path) -> dict[str, str]:
    """The service's variables as without docker/.env; those that name a secret name a file in `folder` with a value."""
    (folder / "provider_url").write_text("http://provider.example\n")
    for name in ("database_password", "redis_password"):
        (folder / name).write_text("given")
    return {
        name: UNSET.sub(r"\1", value.replace("/run/secrets", str(folder)))
        for name, value in service["environment"].items()
    }


def test_docker_build_in_the_root_finds_the_file_as_the_java_service_s_users_do() -> None:
    link = ROOT / "Dockerfile"
    assert link.is_symlink()
    assert link.readlink() == Path("docker/Dockerfile")


def test_every_source_of_a_copy_is_there_and_reaches_the_builder() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8")
    sources = [source for copied in arguments_of("COPY", BUILDING) for source in copied.split(" ")[:-1]]
    assert len(sources) == 7
    assert [
        source for source in sources if not (ROOT / source).exists() or not sent_to_the_builder(source, ignore)
    ] == []
    assert [path for path in (".git", "tests", "docker/.env", "var") if sent_to_the_builder(path, ignore)] == []


def test_the_image_holds_every_backend_by_hash() -> None:
    lock = locked.read(ROOT / "requirements" / "server.lock")
    assert {
        "asyncmy",
        "cryptography",
        "redis",
        "hiredis",
        "rocketmq-python-client",
        "litestar",
        "av",
        "pillow",
        "boto3",
    } <= set(lock)
    commands = [command for step in arguments_of("RUN", BUILDING) for command in step.split(" && ")]
    pip = [command for command in commands if " install " in command or " wheel " in command]
    assert [command for command in pip if "--no-deps" not in command] == []
    assert [command for command in pip if "--require-hashes" not in command and "--no-index" not in command] == []
    assert [command for command in pip if "/opt/wework-message" in command and "--no-index" not in command] == []


def test_what_builds_packages_is_pinned_and_never_fetched_anew() -> None:
    """With isolation, pip would fetch the newest setuptools for each package that has no wheel."""
    recipe = [line.strip() for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if line.startswith("\t")]
    commands = [*recipe, *(command for step in arguments_of("RUN", BUILDING) for command in step.split(" && "))]
    building = [command for command in commands if re.search(r"pip (--python \S+ )?(install|wheel) ", command)]
    assert len(building) == 8
    safe = ("--no-build-isolation", "--only-binary :all:", ".whl")
    assert [command for command in building if not any(word in command for word in safe)] == []
    locks = {name: locked.read(ROOT / "requirements" / f"{name}.lock") for name in ("build", "dev", "server")}
    assert {"hatchling", "setuptools"} <= set(locks["build"])
    for name in ("dev", "server"):
        both = locks["build"].keys() & locks[name].keys()
        assert {key: locks["build"][key].version for key in both} == {key: locks[name][key].version for key in both}


def test_the_process_runs_as_an_ordinary_user_gets_its_signals_and_keeps_its_files_in_volumes() -> None:
    assert arguments_of("USER") == ["10001:10001"]
    assert arguments_of("EXPOSE") == ["8082"]
    assert arguments_of("STOPSIGNAL") == ["SIGTERM"]
    assert arguments_of("ENTRYPOINT") == ['["wework-message"]']
    assert arguments_of("CMD") == ['["serve"]']
    folder = arguments_of("WORKDIR")[-1]
    assert arguments_of("VOLUME") == [f'["{folder}/var", "{folder}/logs"]']
    assert any(f"{folder}/var {folder}/logs" in step and "--owner wework" in step for step in arguments_of("RUN"))


def test_variables_of_the_image_are_settings() -> None:
    named = [pair.split("=", 1)[0] for pairs in arguments_of("ENV") for pair in pairs.split(" ")]
    assert [name for name in named if name.startswith(OWN) and name not in VARIABLES] == []


def test_the_health_check_asks_a_route_that_depends_on_nothing() -> None:
    paths = {path for path, _ in route_templates(Config(version="0", metrics=empty_metrics))}
    assert "/actuator/health/liveness" in paths
    assert "/actuator/health/liveness" in arguments_of("HEALTHCHECK")[0]


def _python_checks() -> dict[str, list[str]]:
    image = json.loads(arguments_of("HEALTHCHECK")[0].partition("CMD ")[2])
    split = yaml.safe_load(re.sub(r"!\w+", "", (DOCKER / "compose.split.yaml").read_text("utf-8")))
    return {"image": image, "worker": split["services"]["worker"]["healthcheck"]["test"][1:]}


@pytest.mark.parametrize("name", ["image", "worker"])
@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (None, 1)])
def test_a_health_check_asks_past_the_proxy_of_the_environment(name: str, status: int | None, code: int) -> None:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status or 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        port = server.server_port if status is not None else free_port()
        _, *arguments = _python_checks()[name]
        command = [sys.executable, *(argument.replace("8083", str(port)) for argument in arguments)]
        environ = {"SERVER_PORT": str(port), "http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
        ended = subprocess.run(command, check=False, env=environ, capture_output=True, timeout=60)
    assert ended.returncode == code


def test_compose_names_settings_only_and_they_load_as_the_docker_profile(tmp_path: Path) -> None:
    environ = settings_of(compose()["services"]["service"], tmp_path)
    assert [name for name in environ if name.removesuffix("_FILE") not in VARIABLES] == []
    loaded = load(environ, config_dir=DOCKER)
    assert loaded.profile == "docker"
    assert loaded.settings.security.mode == "keys", "whoever reaches the port would send"
    assert loaded.settings.datasource.url is not None
    assert loaded.settings.redis.url is not None
    assert loaded.settings.redis.url.reveal() == "redis://:given@redis:6379/0"
    assert loaded.settings.rocketmq.name_server == "rocketmq-nameserver:9876"


@pytest.mark.parametrize("stack", ["compose.yaml", MONITORING])
def test_no_credential_is_in_an_environment_or_an_argument(stack: str) -> None:
    document = compose(stack)
    mounted = {name: f"/run/secrets/{name}" for name in document["secrets"]}
    for name, service in document["services"].items():
        variables: dict[str, str] = service.get("environment", {})
        paths = {value for variable, value in variables.items() if variable.endswith("_FILE")}
        assert paths <= {mounted[secret] for secret in service.get("secrets", ())}, name
        assert [variable for variable in variables if SECRET.search(variable) and not variable.endswith("_FILE")] == []
        assert "RANDOM_ROOT_PASSWORD" not in str(variables), "the image would print it into the log"
        assert INTERPOLATED.findall(str(service.get("command", ""))) == [], name
    assert {entry["file"] for entry in document["secrets"].values()} == {f"secrets/{name}" for name in mounted}


def test_the_password_of_redis_reaches_no_command_line(tmp_path: Path) -> None:
    *shell, script = compose()["services"]["redis"]["command"]
    (tmp_path / "redis-server").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n')
    (tmp_path / "redis-server").chmod(0o755)
    (tmp_path / "redis_password").write_text('a"b\\c &/$x\n')
    container = "/tmp/redis.conf"  # noqa: S108 - the container's own, in memory
    moved = script.replace("$$", "$").replace("/run/secrets", str(tmp_path)).replace(container, f"{tmp_path}/conf")
    subprocess.run([*shell, moved], check=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (tmp_path / "conf").read_text() == 'requirepass "a\\"b\\\\c &/$x"\n'
    assert (tmp_path / "conf").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "arguments").read_text().startswith(f"{tmp_path}/conf --save")
    assert "$x" not in (tmp_path / "arguments").read_text()


def test_secrets_are_made_once_and_only_their_owner_reaches_them(tmp_path: Path) -> None:
    copied = shutil.copy(DOCKER / "make-secrets", tmp_path)
    folder = tmp_path / "secrets"
    subprocess.run([copied], check=True, input="http://provider.example\n", text=True, capture_output=True)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    subprocess.run([copied], check=True, stdin=subprocess.DEVNULL)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert set(first) == {name for stack in stacks().values() for name in stack["secrets"]}
    assert first.pop("provider_url") == "http://provider.example\n"
    assert first.pop("metrics_key") == "", "none until somebody makes one"
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in first.values())
    assert len(set(first.values())) == len(first)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}, "users of containers read them"
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert not sent_to_the_builder("docker/secrets", (ROOT / ".dockerignore").read_text("utf-8"))


def test_every_container_is_confined_and_bounded() -> None:
    for name, service in containers().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert {"mem_limit", "pids_limit"} <= service.keys(), name
        assert "privileged" not in service, name
        if "cap_add" in service or str(service.get("user", "")).startswith("0"):
            assert service["network_mode"] == "none", name


def test_every_image_has_a_variable_that_the_script_fills_with_a_digest() -> None:
    services = containers()
    named = {service["image"] for service in services.values()} - {"wework-message-service:latest"}
    named.add(services["service"]["build"]["args"]["PYTHON_IMAGE"])
    images = {match[1]: match[2] for text in named if (match := IMAGE.fullmatch(text))}
    assert len(images) == len(named) == 6
    script = (DOCKER / "pin-images").read_text("utf-8")
    tags = {name: image.partition("@")[0] for name, image in images.items()}
    assert dict(re.findall(r"^pin (\S+) (\S+)$", script, re.MULTILINE)) == tags
    assert re.fullmatch(r"python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}", images["WEWORK_PYTHON_IMAGE"])
    dockerfile = (DOCKER / "Dockerfile").read_text("utf-8")
    assert f"ARG PYTHON_IMAGE={images['WEWORK_PYTHON_IMAGE']}\n" in dockerfile
    assert {step.arguments.split(" ")[0] for steps in (BUILDING, RUNNING) for step in steps if step.word == "FROM"} == {
        "${PYTHON_IMAGE}"
    }


def test_the_script_prints_what_the_registry_says_and_nothing_else(tmp_path: Path) -> None:
    docker, digest = tmp_path / "docker", f"sha256:{'a' * 64}"
    docker.write_text(f"#!/bin/sh\necho {digest}\n")
    docker.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run([DOCKER / "pin-images"], check=True, env=environ, capture_output=True, text=True)
    assert f"WEWORK_MARIADB_IMAGE=mariadb:10.11@{digest}" in ran.stdout.splitlines()
    docker.write_text("#!/bin/sh\necho unauthorized\n")
    assert subprocess.run([DOCKER / "pin-images"], check=False, env=environ, capture_output=True).stdout == b""


def test_each_variable_that_compose_reads_is_in_the_example() -> None:
    example = dict(
        line.split("=", 1) for line in (DOCKER / "example.env").read_text("utf-8").splitlines() if "=" in line
    )
    read = [name for stack in stacks() for name in INTERPOLATED.findall((DOCKER / stack).read_text("utf-8"))]
    assert set(read) == set(example)
    assert set(example.values()) == {""}


def test_compose_waits_for_healthy_backends_and_keeps_their_data() -> None:
    document = compose()
    assert document["name"] == "wework-message-service"
    services = document["services"]
    for name, condition in services["service"]["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in services[name]
    used = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert used == set(document["volumes"])
    assert [port.rpartition(":")[2] for port in services["service"]["ports"]] == ["8082"]
    assert "ports" not in services["mysql"]


def test_the_database_of_compose_would_not_be_refused() -> None:
    mysql = compose()["services"]["mysql"]
    options = dict(option.removeprefix("--").split("=", 1) for option in mysql["command"])
    assert options["character-set-server"] == "utf8mb4"
    image = IMAGE.fullmatch(mysql["image"])
    assert image is not None
    version = f"{image[2].partition(':')[2]}.1-MariaDB"
    objections = _objections(
        version, flush=int(options["innodb-flush-log-at-trx-commit"]), log_bin="log-bin" in options,
        sync_binlog=int(options["sync-binlog"]), binlog_format=options["binlog-format"], max_allowed_packet=MINIMUM_PACKET,  # MariaDB's default
    )  # fmt: skip
    assert list(objections) == []


def test_all_containers_of_the_service_share_the_files_of_clients() -> None:
    place = f"data:{arguments_of('WORKDIR')[-1]}/var"
    mounted = [compose()["services"]["service"], compose("compose.split.yaml")["services"]["worker"]]
    assert [place in service["volumes"] for service in mounted] == [True, True]
    assert "volumes" not in compose("compose.split.yaml")["services"]["api"], "it has those of the service"


def test_the_split_variant_runs_roles_that_exist_in_place_of_the_one_service() -> None:
    services = compose("compose.split.yaml")["services"]
    assert services["service"] == {"profiles": ["single"]}
    assert {name: service["command"] for name, service in services.items() if "command" in service} == {
        "api": ["serve", "--no-dispatch"], "worker": ["consume"],
    }  # fmt: skip
    assert services["worker"]["ports"] == []
    for name in ("api", "worker"):
        assert services[name]["extends"] == {"file": "compose.yaml", "service": "service"}


@pytest.mark.parametrize("words", [["serve"], ["serve", "--no-dispatch"], ["consume"]], ids=shlex.join)
def test_what_a_container_runs_is_a_command(words: list[str]) -> None:
    entry = cli.commands[words[0]]
    assert isinstance(entry, LazyCommand)
    known = {flag for option in entry.load().params if isinstance(option, click.Option) for flag in option.opts}
    assert set(words[1:]) <= known
