"""Prometheus and Grafana for development (docker/compose.monitoring.yaml): what they name is there, and fits together.

A real Prometheus follows its settings in `tests/e2e/test_scraping.py`.
"""

import configparser
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml
from scripts.dashboards import FOLDER
from tests.architecture.test_docker import DOCKER, MONITORING, arguments_of, compose, containers
from tests.support.apps.rest import empty_metrics

from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.routes import route_templates

Json = dict[str, Any]

PROMETHEUS: Final = FOLDER.parent / "prometheus"
CONTEXT: Final = "/message"


def read_yaml(path: Path) -> Json:
    document: Json = yaml.safe_load(path.read_text("utf-8"))
    return document


def scraping() -> Json:
    (job,) = read_yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    assert isinstance(job, dict)
    return job


def test_both_are_published_to_this_machine_alone_and_keep_their_data() -> None:
    services = compose(MONITORING)["services"]
    ports = {name: service["ports"] for name, service in services.items()}
    assert ports == {"prometheus": ["127.0.0.1:9090:9090"], "grafana": ["127.0.0.1:3000:3000"]}
    named = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}
    assert {name for name in named if not name.startswith("..")} == set(compose(MONITORING)["volumes"])
    for service in services.values():
        assert "healthcheck" in service
        assert service["user"] not in {"root", "0"}


def test_what_is_mounted_is_there_and_cannot_be_written() -> None:
    for service in compose(MONITORING)["services"].values():
        mounts = [volume.split(":") for volume in service["volumes"] if volume.startswith("..")]
        assert [((DOCKER / source).is_dir(), mode) for source, _, mode in mounts] == [(True, "ro")]


def test_prometheus_asks_the_service_where_it_answers() -> None:
    job, service = scraping(), containers()["service"]
    (target,) = job["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    assert name in compose()["services"]
    assert [port] == arguments_of("EXPOSE") == [service["ports"][0].rpartition(":")[2]]
    paths = {path for path, _ in route_templates(Config(version="0", metrics=empty_metrics))}
    assert job["metrics_path"].removeprefix(CONTEXT) in paths


def test_prometheus_shows_the_key_that_it_is_handed_as_a_file() -> None:
    file = Path(scraping()["authorization"]["credentials_file"])
    assert file.parent == Path("/run/secrets")
    assert file.name in containers()["prometheus"]["secrets"]
    assert "type" not in scraping()["authorization"], "Bearer, which the service reads, is what Prometheus sends"


def test_grafana_reads_dashboards_and_asks_prometheus() -> None:
    inside = Path("/etc/grafana")
    assert f"../deploy/grafana:{inside}:ro" in containers()["grafana"]["volumes"]
    (provider,) = read_yaml(FOLDER / "provisioning/dashboards/wework-message.yaml")["providers"]
    assert Path(provider["options"]["path"]) == inside / "dashboards"
    (source,) = read_yaml(FOLDER / "provisioning/datasources/prometheus.yaml")["datasources"]
    address = urlsplit(source["url"])
    assert f"127.0.0.1:{address.port}:{address.port}" in containers()[str(address.hostname)]["ports"]
    interval = read_yaml(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval, "rates would be too short"
    assert source["isDefault"], "the variable of the dashboards begins with it"


def test_whoever_reaches_grafana_may_look_and_no_more() -> None:
    settings = configparser.ConfigParser()
    settings.read(FOLDER / "grafana.ini")
    assert dict(settings["auth.anonymous"]) == {"enabled": "true", "org_role": "Viewer"}
    assert settings["users"]["allow_sign_up"] == "false"
    assert "admin_password" not in settings["security"]
    home = Path(settings["dashboards"]["default_home_dashboard_path"])
    assert (FOLDER / home.relative_to("/etc/grafana")).is_file()
