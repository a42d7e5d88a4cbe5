"""The files for Kubernetes, which no API server reads here: schemas, names and settings fit, and Kustomize and Helm say the same.

kubectl and helm themselves make the objects (scripts/install-services fetches them).
"""

import copy
import functools
import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import pytest
import rich_click as click
import yaml
from kubernetes_validate import utils
from scripts.check_image import stages
from tests.support.apps.rest import empty_metrics
from tests.support.kubernetes.pod_security import objections
from tests.support.kubernetes.rendering import (
    CHART,
    KUBERNETES,
    OLDEST,
    ROOT,
    Document,
    kustomized,
    kustomized_from,
    of_kind,
    pods,
    refusal,
    templated,
)

from wework_message import __version__
from wework_message.adapters.observability.metric_names import TEXTS
from wework_message.bootstrap.command_line import cli
from wework_message.bootstrap.last_timer import EXIT_WITHIN_S
from wework_message.bootstrap.settings import Loaded, load
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.schema import known_leaves
from wework_message.bootstrap.settings.spring import ALIASES, PROFILES_KEY, REDIS_PARTS
from wework_message.bootstrap.settings.validation import OPERATING_PORT
from wework_message.entrypoints.cli.lazy_command import LazyCommand
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.routes import route_templates

ALL: Final = ("autoscaling", "monitoring", "shared-var")
EVERYTHING: Final = {
    "autoscaling": {"enabled": True},
    "monitoring": {"enabled": True},
    "sharedVolume": {"enabled": True},
}
WAITING: Final = {"autoscaling": {"oldestDueSeconds": 10}}
SHAPES: Final[Mapping[str, tuple[Callable[[], tuple[Document, ...]], dict[str, Any]]]] = {
    "base": (lambda: kustomized("base"), {}),
    "base with components": (lambda: kustomized("base", ALL), EVERYTHING),
    "split": (lambda: kustomized("overlays/split"), {"split": True, "autoscaling": {"enabled": True}}),
    "backlog": (
        lambda: kustomized("overlays/backlog", ALL[1:]),
        {**EVERYTHING, "split": True, "worker": WAITING},
    ),
}  # fmt: skip
"""What a reader may apply -> how kubectl makes it, and the values of the chart for the same."""

SERVICE: Final = yaml.safe_load((ROOT / "tests/support/kubernetes/java-service.yaml").read_text("utf-8"))
SECRET: Final = yaml.safe_load((KUBERNETES / "secret.example.yaml").read_text("utf-8"))
MASTER_KEY: Final = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
pytestmark = pytest.mark.xdist_group("kubernetes")  # kubectl and helm make each shape once

OPERATORS: Final = {"PodMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, whose schemas are not those of Kubernetes."""

every_shape: Final = pytest.mark.parametrize("shape", SHAPES)
with_and_without_helm: Final = pytest.mark.parametrize("by", ["kustomize", "helm"])


def made(shape: str, by: str) -> tuple[Document, ...]:
    kustomize, values = SHAPES[shape]
    return kustomize() if by == "kustomize" else templated(values)


def selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector with labels, or with ``In``, takes `labels`."""
    unknown = selector.keys() - {"matchLabels", "matchExpressions"}
    assert not unknown
    expressions = selector.get("matchExpressions", ())
    assert all(entry["operator"] == "In" for entry in expressions)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(entry["key"]) in entry["values"] for entry in expressions
    )


def ours(documents: Iterable[Document]) -> dict[str, Document]:
    """The pods that belong to the service: not the one of helm's test."""
    return {name: pod for name, pod in pods(documents).items() if not name.startswith("Pod/")}


def running(documents: Iterable[Document]) -> dict[str, Document]:
    return {name: pod for name, pod in pods(documents).items() if name.startswith("Deployment/")}


def only(pod: Document) -> Document:
    (container,) = pod["spec"]["containers"]
    return dict(container)


def ports_of(pod: Document) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in only(pod).get("ports", ())}


def environment(documents: Iterable[Document], pod: Document) -> dict[str, str]:
    """The variables of the container, those of its ConfigMap below its own."""
    maps = {entry["metadata"]["name"]: entry["data"] for entry in of_kind(documents, "ConfigMap")}
    container = only(pod)
    variables: dict[str, str] = {}
    for source in container["envFrom"]:
        variables |= maps[source["configMapRef"]["name"]]
    return variables | {entry["name"]: entry["value"] for entry in container["env"]}


def settings_of(documents: Iterable[Document], pod: Document, folder: Path) -> Loaded:
    """The settings that the container has with the example's Secret filled in, in `folder` for its mount."""
    (volume,) = (entry for entry in pod["spec"]["volumes"] if "secret" in entry)
    (mount,) = (entry for entry in only(pod)["volumeMounts"] if entry["name"] == volume["name"])
    values = dict.fromkeys(SECRET["stringData"], "any")
    values |= {"provider-url": "http://provider.example:23456", "master-key": MASTER_KEY}
    for item in volume["secret"]["items"]:
        (folder / item["path"]).write_text(values[item["key"]])
    variables = environment(documents, pod)
    return load(
        {name: value.replace(mount["mountPath"], str(folder)) for name, value in variables.items()}, config_dir=folder
    )


def addressed(loaded: Loaded) -> set[int]:
    """The ports of every backend and provider that the settings name."""
    settings = loaded.settings
    url = loaded.settings.datasource.url
    assert url is not None
    assert settings.redis.url is not None
    named = [url.reveal(), settings.redis.url.reveal(), *(f"//{address}" for address in (settings.rocketmq.name_server, settings.rocketmq.endpoints))]  # fmt: skip
    ports = {urlsplit(address).port for address in named}
    assert len(ports) == len(named)
    return {port for port in ports if port is not None}


@pytest.fixture(autouse=True)
def schemas_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "schema_contents", _schema)


_schema: Final = functools.cache(utils.schema_contents)


@with_and_without_helm
@every_shape
@pytest.mark.parametrize("version", [OLDEST, utils.latest_version()])
def test_every_object_fits_the_schemas_of_kubernetes(shape: str, by: str, version: str) -> None:
    for document in made(shape, by):
        if document["kind"] not in OPERATORS:
            kubernetes_validate.validate(document, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_would_be_seen() -> None:
    document = copy.deepcopy(next(of_kind(kustomized("base"), "Deployment")))
    document["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["delay"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, OLDEST, strict=True)


@every_shape
def test_helm_and_kustomize_make_the_same_objects(shape: str) -> None:
    by_kustomize, by_helm = (_comparable(made(shape, by)) for by in ("kustomize", "helm"))
    assert by_helm.keys() == by_kustomize.keys()
    for name in by_kustomize:
        assert by_helm[name] == by_kustomize[name], name


def _comparable(documents: Iterable[Document]) -> dict[str, Document]:
    """Without what only one of the two has: the namespace, labels and annotations of Helm, hashes in names, Helm's test."""
    texts = json.dumps([document for document in documents if document["kind"] not in {"Namespace", "Pod"}])
    for document in of_kind(documents, "ConfigMap", "Job"):
        name = document["metadata"]["name"]
        hashed = name.rpartition("-")[2]
        if len(hashed) == 10:
            texts = texts.replace(name, name.removesuffix(f"-{hashed}"))
    compared = {}
    for document in json.loads(texts):
        metadata = document["metadata"]
        labels = {key: value for key, value in metadata.get("labels", {}).items() if key == "app"}
        pod = document.get("spec", {}).get("template", {})
        pod.get("metadata", {}).pop("annotations", None)
        pod.get("spec", {}).get("volumes", []).sort(key=lambda volume: str(volume["name"]))
        compared[f"{document['kind']}/{metadata['name']}"] = document | {"metadata": labels}
    return compared


@pytest.mark.parametrize("shape", ["base", "base with components"])
def test_the_java_services_manifest_is_in_ours(shape: str) -> None:
    (document,) = of_kind(made(shape, "kustomize"), "Deployment")
    expected = copy.deepcopy(SERVICE)
    if "components" in shape:
        del expected["spec"]["replicas"]  # an autoscaler's
    assert list(_missing(expected, document)) == []


def _missing(part: object, whole: object, path: str = "") -> Iterator[str]:
    """Where `whole` has not got what `part` has; members of lists by their place, those with a name by it."""
    if isinstance(part, dict) and isinstance(whole, dict):
        for key, value in part.items():
            yield from _missing(value, whole.get(key), f"{path}.{key}")
    elif isinstance(part, list) and isinstance(whole, list) and len(part) <= len(whole):
        for place, value in enumerate(part):
            yield from _missing(value, whole[place], f"{path}[{place}]")
    elif part != whole:
        yield path


def test_the_java_services_manifest_needs_a_secret_and_addresses_and_nothing_else(tmp_path: Path) -> None:
    """Also with the variables that Kubernetes makes of the names of Services, which that manifest does not switch off."""
    (base,) = running(kustomized("base")).values()
    container = SERVICE["spec"]["template"]["spec"]["containers"][0]
    links = {
        f"{name}_{suffix}": "tcp://10.0.0.1:6379"
        for name in ("REDIS", "MYSQL", "MESSAGE_SERVICE", "ROCKETMQ_NAMESERVER", "ROCKETMQ_BROKER")
        for suffix in ("PORT", "SERVICE_HOST", "SERVICE_PORT", "PORT_6379_TCP", "PORT_6379_TCP_ADDR")
    }
    added = {name: value for name, value in environment(kustomized("base"), base).items() if name.startswith("SPRING_")}
    added |= {"ROCKETMQ_NAME_SERVER": "rocketmq-nameserver:9876"}
    for variable, value in {
        "SPRING_DATASOURCE_PASSWORD": "any",
        "SPRING_DATA_REDIS_PASSWORD": "any",
        "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "http://provider.example:23456",
    }.items():
        (tmp_path / variable).write_text(value)
        added[f"{variable}_FILE"] = str(tmp_path / variable)
    own = {entry["name"]: entry["value"] for entry in container["env"]}
    loaded = load({**links, **added, **own}, config_dir=tmp_path)
    assert loaded.profile == "k8s"
    assert loaded.settings.redis.url is not None
    assert loaded.settings.redis.url.reveal() == "redis://:any@redis:6379/0"


@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.zh.md"])
def test_the_overlay_of_the_page_is_one(page: str, tmp_path: Path) -> None:
    blocks = [
        match[1] for match in re.finditer(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)
    ]
    own, narrowed, with_key = (yaml.safe_load(block) for block in blocks)
    own["components"].append("../deploy/kubernetes/components/monitoring")
    documents = kustomized_from(own | {"patches": narrowed["patches"] + with_key["patches"]})
    (monitor,) = of_kind(documents, "PodMonitor")
    shown = [endpoint["authorization"]["credentials"] for endpoint in monitor["spec"]["podMetricsEndpoints"]]
    assert shown == [{"name": "message-service-metrics", "key": "metrics-key"}] * 2
    (policy,) = (entry for entry in of_kind(documents, "NetworkPolicy") if "providers" in entry["metadata"]["name"])
    assert policy["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "198.51.100.7/32"}}]
    (pod,) = running(documents).values()
    assert only(pod)["image"] == "registry.example/wework-message-service:0.1.0"
    loaded = settings_of(documents, pod, tmp_path)
    assert loaded.settings.app.media.public_url == "https://gateway.example/message"
    assert loaded.settings.datasource.username == "wework"


@with_and_without_helm
@every_shape
def test_pods_are_restricted(shape: str, by: str) -> None:
    documents = made(shape, by)
    assert {name: list(objections(pod["spec"])) for name, pod in pods(documents).items()} == {
        name: [] for name in pods(documents)
    }
    for namespace in of_kind(documents, "Namespace"):
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


BROKEN: Final[dict[str, Callable[[Document, Document], object]]] = {
    "hostNetwork": lambda pod, _: pod.update(hostNetwork=True),
    "volume tmp: hostPath": lambda pod, _: pod.update(volumes=[{"name": "tmp", "hostPath": {"path": "/tmp"}}]),  # noqa: S108 - refused
    "message-service: hostPort": lambda _, container: container["ports"][0].update(hostPort=8082),
    "message-service: privileged": lambda _, container: container["securityContext"].update(privileged=True),
    "message-service: allowPrivilegeEscalation": lambda _, container: container["securityContext"].pop(
        "allowPrivilegeEscalation"
    ),
    "message-service: capabilities": lambda _, container: container["securityContext"]["capabilities"].update(drop=[]),
    "message-service: runAsNonRoot": lambda pod, _: pod["securityContext"].update(runAsUser=0),
    "message-service: seccompProfile": lambda pod, _: pod["securityContext"].pop("seccompProfile"),
    "message-service: readOnlyRootFilesystem": lambda _, container: container["securityContext"].pop(
        "readOnlyRootFilesystem"
    ),
}


@pytest.mark.parametrize("objection", BROKEN)
def test_what_is_not_restricted_is_seen(objection: str) -> None:
    (base,) = running(kustomized("base")).values()
    pod = copy.deepcopy(base)["spec"]
    BROKEN[objection](pod, pod["containers"][0])
    assert list(objections(pod)) == [objection]


@with_and_without_helm
@every_shape
def test_selectors_take_the_pods_that_they_mean(shape: str, by: str) -> None:
    documents = made(shape, by)
    labels = {name: pod["metadata"]["labels"] for name, pod in ours(documents).items()}
    for document in of_kind(documents, "Deployment"):
        own = f"Deployment/{document['metadata']['name']}"
        assert [name for name in labels if selected(document["spec"]["selector"], labels[name])] == [own]
        for constraint in document["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert constraint["labelSelector"] == document["spec"]["selector"]
    for document in of_kind(documents, "PodDisruptionBudget"):
        own = f"Deployment/{document['metadata']['name']}"
        assert [name for name in labels if selected(document["spec"]["selector"], labels[name])] == [own]
    (service,) = of_kind(documents, "Service")
    served = [name for name in labels if selected({"matchLabels": service["spec"]["selector"]}, labels[name])]
    assert served == ["Deployment/message-service"]
    for port in service["spec"]["ports"]:
        assert ports_of(running(documents)[served[0]])[port["targetPort"]] == port["port"]
    for document in of_kind(documents, "NetworkPolicy"):
        assert [name for name in labels if selected(document["spec"]["podSelector"], labels[name])]
    for document in of_kind(documents, "PodMonitor"):
        scraped = [name for name in labels if selected(document["spec"]["selector"], labels[name])]
        assert set(scraped) >= set(running(documents))
        scraped_ports = {endpoint["port"] for endpoint in document["spec"]["podMetricsEndpoints"]}
        assert {port for pod in running(documents).values() for port in ports_of(pod)} <= scraped_ports


@with_and_without_helm
@every_shape
def test_traffic_that_the_service_needs_is_allowed_and_other_is_not(shape: str, by: str, tmp_path: Path) -> None:
    documents = made(shape, by)
    policies = [document["spec"] for document in of_kind(documents, "NetworkPolicy")]
    for name, pod in ours(documents).items():
        labels = pod["metadata"]["labels"]
        of_pod = [policy for policy in policies if selected(policy["podSelector"], labels)]
        assert {"podSelector", "policyTypes"} in [policy.keys() for policy in of_pod], f"{name}: nothing is denied"
        out = {port["port"] for policy in of_pod for rule in policy.get("egress", ()) for port in rule["ports"]}
        assert {53, *addressed(settings_of(documents, pod, tmp_path))} <= out
        assert {8848, 9848, 4318} <= out, "Nacos and traces, which settings may name, too"
        assert (443 in out) == name.startswith("Deployment/"), "a migration calls no provider"
        anywhere = [rule for policy in of_pod for rule in policy.get("ingress", ()) if "from" not in rule]
        taken = {port["port"] for rule in anywhere for port in rule["ports"]}
        assert taken == ({8082} if name == "Deployment/message-service" else set())
    scraped = {
        port["port"]
        for policy in policies
        for rule in policy.get("ingress", ())
        if "from" in rule
        for port in rule["ports"]
    }
    assert scraped == ({8082, 8083} if any(of_kind(documents, "PodMonitor")) else set())


@with_and_without_helm
@every_shape
def test_variables_are_settings_and_load(shape: str, by: str, tmp_path: Path) -> None:
    known = {variable_of(key) for key in (*known_leaves(["guangzhou-guxing"]), *ALIASES, *REDIS_PARTS, PROFILES_KEY)}
    documents = made(shape, by)
    for name, pod in ours(documents).items():
        variables = environment(documents, pod)
        assert [entry for entry in variables if entry.removesuffix("_FILE") not in known] == [], name
        (tmp_path / name).mkdir(parents=True)
        loaded = settings_of(documents, pod, tmp_path / name)
        assert loaded.profile == "k8s"
        assert loaded.listen_host == "0.0.0.0"  # noqa: S104 - a pod's
        assert loaded.settings.security.mode == "keys", "whoever reaches the port would send"
        assert loaded.settings.datasource.auto_migrate is False
        user = "wework_schema" if name.startswith("Job/") else "wework"
        assert loaded.settings.datasource.username == user
        assert (loaded.settings.security.secrets.key is None) == name.startswith("Job/")
        assert loaded.settings.logging.file.name is None, "nothing takes the lines away from there"


@with_and_without_helm
@every_shape
def test_probes_ask_what_the_process_serves_on_its_port(shape: str, by: str) -> None:
    for pod in running(made(shape, by)).values():
        container = only(pod)
        operating = container["args"] == ["consume"]
        config = Config(version="0", metrics=empty_metrics, operating=operating)
        paths = {f"{config.context_path}{path}" for path, _ in route_templates(config)}
        requests = [container[probe]["httpGet"] for probe in ("livenessProbe", "readinessProbe")]
        assert [request["path"] for request in requests] == ["/message/api/health", "/message/actuator/health"]
        assert {request["path"] for request in requests} <= paths
        assert {request["port"] for request in requests} == set(ports_of(pod).values())
        assert ports_of(pod) == ({"management": OPERATING_PORT} if operating else {"http": 8082})


@with_and_without_helm
@every_shape
def test_what_runs_is_a_command_with_its_options(shape: str, by: str) -> None:
    split = shape in {"split", "backlog"}
    arguments = {name.partition("-migrate")[0]: only(pod)["args"] for name, pod in ours(made(shape, by)).items()}
    assert arguments == {
        "Deployment/message-service": ["serve", "--no-dispatch"] if split else ["serve"],
        **({"Deployment/message-service-worker": ["consume"]} if split else {}),
        "Job/message-service": ["migrate"],
    }
    for name, *options in arguments.values():
        entry = cli.commands[name]
        assert isinstance(entry, LazyCommand)
        known = {flag for option in entry.load().params if isinstance(option, click.Option) for flag in option.opts}
        assert set(options) <= known


@with_and_without_helm
@every_shape
def test_a_pod_has_time_for_its_drain(shape: str, by: str) -> None:
    for pod in running(made(shape, by)).values():
        assert "lifecycle" not in only(pod), "the process itself goes on until balancers know (ADR 80)"
        assert pod["spec"]["terminationGracePeriodSeconds"] >= EXIT_WITHIN_S + 5


@with_and_without_helm
@every_shape
def test_what_objects_refer_to_is_there(shape: str, by: str) -> None:
    documents = made(shape, by)
    there = {f"{document['kind']}/{document['metadata']['name']}" for document in documents}
    namespaces = {document["metadata"].get("namespace") for document in documents if document["kind"] != "Namespace"}
    assert namespaces == {"wework" if by == "kustomize" else None}
    for pod in ours(documents).values():
        spec = pod["spec"]
        assert f"ServiceAccount/{spec['serviceAccountName']}" in there
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        assert {mount["name"] for mount in only(pod)["volumeMounts"]} == volumes.keys()
        claimed = [volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values() if len(volume) == 2 and "persistentVolumeClaim" in volume]  # fmt: skip
        assert {f"PersistentVolumeClaim/{claim}" for claim in claimed} <= there
        secret = volumes["secrets"]["secret"]
        assert secret["secretName"] == SECRET["metadata"]["name"]
        assert {item["key"] for item in secret["items"]} <= SECRET["stringData"].keys()
        assert secret["defaultMode"] == 0o440
        files = {f"/run/secrets/wework-message/{item['path']}" for item in secret["items"]}
        assert {value for name, value in environment(documents, pod).items() if name.endswith("_FILE")} == files
        assert {"memory", "cpu"} <= only(pod)["resources"]["limits"].keys(), "wm_process_memory_ratio needs a limit"
    counted = {document["metadata"]["name"]: document["spec"] for document in of_kind(documents, "Deployment")}
    scaled = {document["spec"]["scaleTargetRef"]["name"]: document["spec"] for document in of_kind(documents, "HorizontalPodAutoscaler")}  # fmt: skip
    assert scaled.keys() == {name for name, spec in counted.items() if "replicas" not in spec}, "one of the two decides"
    assert scaled.keys() in (set(), counted.keys())
    claims = {name for name in there if name.startswith("PersistentVolumeClaim/")}
    assert claims == ({"PersistentVolumeClaim/message-service-var"} if shape in {"base with components", "backlog"} else set())  # fmt: skip


def test_a_pod_may_write_where_the_image_does() -> None:
    _, image = stages((ROOT / "docker" / "Dockerfile").read_text("utf-8"))
    (volumes,) = (json.loads(step.arguments) for step in image if step.word == "VOLUME")
    (user,) = (step.arguments for step in image if step.word == "USER")
    for pod in running(kustomized("overlays/split")).values():
        written = {mount["mountPath"] for mount in only(pod)["volumeMounts"] if not mount.get("readOnly")}
        assert written == {*volumes, "/tmp"}  # noqa: S108 - the container's own
        security = pod["spec"]["securityContext"]
        assert f"{security['runAsUser']}:{security['runAsGroup']}" == user
        assert security["fsGroup"] == security["runAsGroup"]


def test_the_example_of_the_secret_has_no_value() -> None:
    assert set(SECRET["stringData"].values()) == {""}
    kubernetes_validate.validate(SECRET, OLDEST, strict=True)
    files = [path.read_text("utf-8") for path in KUBERNETES.rglob("kustomization.yaml")]
    assert len(files) == 6
    assert [text for text in files if "secret.example" in text] == []
    assert [document for shape in SHAPES for by in ("kustomize", "helm") for document in of_kind(made(shape, by), "Secret")] == []  # fmt: skip


def test_the_metric_of_the_autoscaler_is_one_that_the_adapter_gives() -> None:
    rules = yaml.safe_load((KUBERNETES / "overlays/backlog/prometheus-adapter.yaml").read_text("utf-8"))["rules"]
    exported = {rule["name"]["as"] for rule in rules["external"]}
    assert exported <= {str(name) for name in TEXTS}
    (metric_name,) = (
        metric["external"]["metric"]["name"]
        for document in of_kind(kustomized("overlays/backlog"), "HorizontalPodAutoscaler")
        for metric in document["spec"]["metrics"]
        if metric["type"] == "External"
    )
    assert metric_name in exported
    assert metric_name == "wm_oldest_due_seconds"


def test_rules_of_prometheus_become_an_object_of_its_operator(tmp_path: Path) -> None:
    rules = {"groups": [{"name": "any", "rules": [{"alert": "A", "expr": "up == 0\nor vector(1)\n"}]}]}
    for name in ("one.yml", "two.yml"):
        (tmp_path / name).write_text("---\n" + yaml.safe_dump(rules))
    command = [KUBERNETES / "prometheus-rule", tmp_path / "one.yml", tmp_path / "two.yml"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    objects = list(yaml.safe_load_all(printed))
    assert [document["kind"] for document in objects] == ["PrometheusRule"] * 2
    assert [document["spec"] for document in objects] == [rules] * 2
    assert [document["metadata"]["name"] for document in objects] == ["message-service-one", "message-service-two"]


def test_prometheus_shows_the_key_that_the_values_name() -> None:
    (without,) = of_kind(templated({"monitoring": {"enabled": True}}), "PodMonitor")
    values = {"enabled": True, "keySecret": {"name": "message-service-metrics"}}
    (shown,) = of_kind(templated({"monitoring": values}), "PodMonitor")
    credentials = {"name": "message-service-metrics", "key": "metrics-key"}
    endpoints = [
        endpoint | {"authorization": {"credentials": credentials}}
        for endpoint in without["spec"]["podMetricsEndpoints"]
    ]
    assert shown["spec"]["podMetricsEndpoints"] == endpoints


def test_other_settings_are_other_pods_and_another_job() -> None:
    def names(values: dict[str, Any]) -> tuple[str, Any]:
        documents = templated(values)
        (job,) = of_kind(documents, "Job")
        (pod,) = running(documents).values()
        return job["metadata"]["name"], pod["metadata"]["annotations"]

    job, annotations = names({})
    changed = names({"settings": {"APP_MESSAGE_RETRY_MAX_ATTEMPTS": 4}})
    assert (changed[0] != job, changed[1] != annotations) == (True, True)
    assert names({"image": {"tag": "0.2.0"}})[0] != job
    assert names({"replicas": 5}) == (job, annotations)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 4}, "replica"),
        ({"replicas": "many"}, "replicas"),
        ({"settings": {"SPRING_DATASOURCE_PASSWORD": "any"}}, "SPRING_DATASOURCE_PASSWORD"),
        ({"settings": {"SECURITY_SECRETS_KEY": "any"}}, "SECURITY_SECRETS_KEY"),
        ({"resources": {"limits": {"memory": None}}}, "memory"),
    ],
)
def test_values_that_are_none_are_refused_by_name(values: dict[str, Any], named: str) -> None:
    assert named in refusal(values)


def test_every_value_of_the_chart_is_in_its_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    assert values.keys() == schema["properties"].keys() - {"global"}
    assert yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))["appVersion"] == __version__
