"""Prometheus with the settings of the development stack, and a service whose metrics need a key."""

import asyncio
from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.support.polling import until
from tests.support.processes.keys import LOCKED, made_key
from tests.support.processes.running_service import LONG_S, Json, running_service
from tests.support.servers.prometheus import Prometheus

pytestmark = pytest.mark.e2e

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "prometheus"


async def test_prometheus_of_the_development_stack_reads_metrics_once_it_has_a_key(
    tmp_path: Path, prometheus: Prometheus
) -> None:
    key_file = tmp_path / "metrics_key"
    key_file.touch()
    async with running_service(tmp_path, **LOCKED, SECURITY_METRICS="keys") as running:
        prometheus.follow(moved(key_file, f"127.0.0.1:{running.service.port}"))
        rules = {rule["name"] for group in prometheus.ask("rules")["groups"] for rule in group["rules"]}
        assert "WmProviderUnhealthy" in rules
        await until(lambda: scraped(prometheus, "down", "401"), LONG_S, every_s=0.1)
        key_file.write_text(await made_key(tmp_path, "--scope", "metrics"))
        await until(lambda: scraped(prometheus, "up", ""), LONG_S, every_s=0.1)
    prometheus.follow("{}")


def moved(key_file: Path, target: str) -> str:
    """The settings with the places of this test, asking every second."""
    settings: Json = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    settings["global"] = dict.fromkeys(settings["global"], "1s")
    settings["rule_files"] = [str(FOLDER / pattern) for pattern in settings["rule_files"]]
    (job,) = settings["scrape_configs"]
    job["authorization"]["credentials_file"] = str(key_file)
    job["static_configs"] = [{"targets": [target]}]
    return yaml.safe_dump(settings)


async def scraped(prometheus: Prometheus, health: str, words: str) -> bool:
    """Whether the last scrape ended so."""
    targets = (await asyncio.to_thread(prometheus.ask, "targets"))["activeTargets"]
    return [target["health"] for target in targets] == [health] and words in targets[0]["lastError"]
