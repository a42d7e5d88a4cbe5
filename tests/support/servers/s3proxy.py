"""S3Proxy: an object store that speaks S3, with its objects in files, from Maven's jars."""

import http.client
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final

from tests.support.servers import maven
from tests.support.servers.ports import free_port
from tests.support.servers.server import HOST, Server

ACCESS_KEY: Final = "tests-access"
SECRET_KEY: Final = "tests-secret-of-no-worth"
NAME: Final = "s3proxy"

_LOGBACK: Final = """<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d %p %c{1} - %m%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


class S3Proxy(Server):
    """A private store; buckets are folders below its data."""

    poll_s = 0.05

    def __init__(self, data: Path, logs: Path, port: int | None = None) -> None:
        super().__init__("S3Proxy", logs)
        self.port = port or free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        self.objects = data / "objects"
        self._settings = data / "s3proxy.conf"
        self._logback = data / "logback.xml"
        self._numbers = count(1)

    @staticmethod
    def missing() -> str | None:
        """Why this machine cannot start one, or None."""
        return maven.missing(NAME)

    def command(self) -> Sequence[str]:
        self.objects.mkdir(exist_ok=True)
        self._logback.write_text(_LOGBACK)
        self._settings.write_text(
            f"s3proxy.endpoint={self.endpoint}\ns3proxy.authorization=aws-v2-or-v4\n"
            f"s3proxy.identity={ACCESS_KEY}\ns3proxy.credential={SECRET_KEY}\n"
            "jclouds.provider=filesystem-nio2\njclouds.identity=none\njclouds.credential=none\n"
            f"jclouds.filesystem.basedir={self.objects}\n"
        )
        return [
            "java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1",
            f"-Dlogback.configurationFile={self._logback}",
            "-cp", maven.classpath(NAME).read_text(), "org.gaul.s3proxy.Main", "--properties", str(self._settings),
        ]  # fmt: skip

    def answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == http.client.FORBIDDEN
        except OSError:
            return False
        finally:
            connection.close()

    def fresh_bucket(self) -> str:
        """Name of a new bucket."""
        name = f"bucket-{next(self._numbers)}"
        (self.objects / name).mkdir()
        return name
