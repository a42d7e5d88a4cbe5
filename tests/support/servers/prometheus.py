"""Prometheus, which asks services of a test for their metrics every second."""

import http.client
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import yaml
from tests.support.servers.ports import free_port
from tests.support.servers.server import HOST, Server, ServerError

_CALL_S: Final = 30.0


class Prometheus(Server):
    """A private server; it asks nobody until `watch`."""

    def __init__(self, data: Path, logs: Path, port: int | None = None) -> None:
        super().__init__("Prometheus", logs)
        self.port = port or free_port()
        self._data = data / "prometheus"
        self._settings = data / "prometheus.yml"
        self._settings.write_text("{}")

    @staticmethod
    def missing() -> str | None:
        """Why this machine cannot start one, or None."""
        return None if shutil.which("prometheus") else "no prometheus in PATH"

    def command(self) -> Sequence[str]:
        return [
            "prometheus", f"--config.file={self._settings}", f"--storage.tsdb.path={self._data}",
            f"--web.listen-address={HOST}:{self.port}", "--web.enable-lifecycle", "--log.level=warn",
        ]  # fmt: skip

    def answers(self) -> bool:
        try:
            return self._call("GET", "/-/ready")[0] == http.client.OK
        except OSError:
            return False

    def watch(self, job: str, targets: Sequence[str], path: str, rules: Sequence[Path] = ()) -> None:
        """From now on ask these addresses (host:port) and no others, and follow these rules; ServerError where it refuses a file."""
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rule) for rule in rules],
            "scrape_configs": [
                {"job_name": job, "metrics_path": path, "static_configs": [{"targets": list(targets)}]},
            ],
        }
        self.follow(yaml.safe_dump(settings))

    def follow(self, settings: str) -> None:
        """From now on these are its settings; ServerError where it refuses them."""
        self._settings.write_text(settings)
        status, text = self._call("POST", "/-/reload")
        if status != http.client.OK:
            raise ServerError(f"{self.title}: {text}\n{self.tail()}")

    def ask(self, route: str, **parameters: str) -> Any:
        """`data` of an answer of its HTTP API; ServerError with its own words where it refuses."""
        status, text = self._call("GET", f"/api/v1/{route}?{urlencode(parameters)}")
        if status != http.client.OK:
            raise ServerError(f"{self.title}: {text} {parameters}")
        return json.loads(text)["data"]

    def scrapes(self, job: str) -> int:
        """How often it has asked the addresses of a job and got an answer; of the one that answered least."""
        answer = self.ask("query", query=f'min(sum_over_time(up{{job="{job}"}}[1h]))')["result"]
        return int(answer[0]["value"][1]) if answer else 0

    def _call(self, method: str, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_CALL_S)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
