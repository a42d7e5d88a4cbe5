"""Variables that Kubernetes makes of Services neither stop a start nor set anything."""

from pathlib import Path

import pytest

from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.loading import load
from wework_message.bootstrap.settings.schema import known_leaves

SECTIONS = sorted({leaf.partition(".")[0] for leaf in known_leaves(())})


def links_of(service: str, port: int = 8080) -> dict[str, str]:
    """What a kubelet adds for a Service, whose name is in its form for variables."""
    address = f"tcp://10.0.0.11:{port}"
    return {
        f"{service}_SERVICE_HOST": "10.0.0.11",
        f"{service}_SERVICE_PORT": str(port),
        f"{service}_SERVICE_PORT_HTTP": str(port),
        f"{service}_PORT": address,
        f"{service}_PORT_{port}_TCP": address,
        f"{service}_PORT_{port}_TCP_PROTO": "tcp",
        f"{service}_PORT_{port}_TCP_PORT": str(port),
        f"{service}_PORT_{port}_TCP_ADDR": "10.0.0.11",
    }


@pytest.mark.parametrize(
    "service",
    [*[section.upper() for section in SECTIONS], "APP_MESSAGE", "APP_WEWORK", "APP_CALLBACKS", "APP_MEDIA", "APP_MESSAGE_ASYNC",
     "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING", "SPRING_DATASOURCE", "SPRING_DATA_REDIS", "ROCKETMQ_NAME_SERVER",
     "SPRING", "SPRING_PROFILES", "SPRING_RABBITMQ", "MYSQL", "KUBERNETES", "MANAGEMENT_SERVER", "NACOS_DISCOVERY", "REDIS_TLS"],
)  # fmt: skip
@pytest.mark.parametrize("alone", [False, True])
def test_the_variables_of_a_service_set_nothing(service: str, alone: bool, tmp_path: Path) -> None:
    links = links_of(service)
    of_ours = service in ("SERVER", "MANAGEMENT_SERVER", "SPRING_DATA_REDIS", "NACOS_DISCOVERY")
    if alone and not of_ours:
        links = {f"{service}_PORT": links[f"{service}_PORT"]}
    loaded, bare = load(links, config_dir=tmp_path), load({}, config_dir=tmp_path)
    assert dict(loaded.values) == dict(bare.values)
    assert set(loaded.origins.values()) == set(bare.origins.values())
    warnings = [warning for warning in loaded.warnings if warning not in bare.warnings]
    of_service = f"made it of the Service {service.lower().replace('_', '-')}; say enableServiceLinks: false"
    assert [of_service in warning for warning in warnings] == ([True] if of_ours else [])


@pytest.mark.parametrize("environ", [{}, links_of("REDIS")])
def test_a_port_that_is_the_address_of_no_service_is_refused_by_name(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"server\.port") as caught:
        load(environ | {"SERVER_PORT": "tcp://10.0.0.11:8080"}, config_dir=tmp_path)
    assert "10.0.0" not in str(caught.value)


def test_a_port_that_somebody_set_is_a_setting_beside_a_service_of_that_name(tmp_path: Path) -> None:
    loaded = load(links_of("SERVER") | {"SERVER_PORT": "9090"}, config_dir=tmp_path)
    assert loaded.settings.server.port == 9090


def test_a_misspelt_setting_is_still_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="APP_MESSAGE_PORTS"):
        load({"APP_MESSAGE_PORTS": "1"}, config_dir=tmp_path)
    with pytest.raises(SettingsError, match="APP_MESSAGE_PORT"):
        load({"APP_MESSAGE_PORT": "1"}, config_dir=tmp_path)


def test_files_may_name_the_address_of_a_service(tmp_path: Path) -> None:
    (tmp_path / "application.yml").write_text("redis: {url: 'redis://${REDIS_SERVICE_HOST}:${REDIS_SERVICE_PORT}'}")
    redis = load(links_of("REDIS", 6379), config_dir=tmp_path).settings.redis.url
    assert redis is not None
    assert redis.reveal() == "redis://10.0.0.11:6379"
