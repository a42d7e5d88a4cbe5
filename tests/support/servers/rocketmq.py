"""RocketMQ 5: a name server, and a broker with its gRPC proxy in one JVM (local mode), from Maven's jars."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from tests.support.authority import Authority
from tests.support.servers import maven, rocketmq_calls
from tests.support.servers.ports import free_port
from tests.support.servers.server import HOST, Server

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.part_search import PartSearch
from wework_message.adapters.rocketmq.transport.cluster_address import addresses

USUAL_NAME_SERVER_PORT: Final = 9876
USUAL_PROXY_PORT: Final = 8081

NAME: Final = "rocketmq"
_PROBE: Final = "wm-readiness"
_OWN_TOPIC: Final = "SELF_TEST_TOPIC"
"""A topic that every broker has from its start."""
_FULL: Final = 0.88
"""A share of the disk. A broker refuses every message once 90 % are used; no setting changes that."""
_JVM: Final = (
    "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true",
    "--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)  # fmt: skip
_LOGBACK: Final = """<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %p %t %c{1} - %m%n</pattern></encoder>
  </appender>
  <logger name="RocketmqTransaction" level="ERROR"/>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


class Jvm(Server):
    """A main class of RocketMQ that writes only below one home."""

    poll_s = 0.1

    def __init__(self, title: str, logs: Path, home: Path) -> None:
        super().__init__(title, logs)
        self.home = home
        self.certificate: tuple[Path, Path] | None = None
        """What it shows to who asks for TLS; None = one that it signs itself."""

    def environment(self) -> Mapping[str, str]:
        return {"ROCKETMQ_HOME": str(self.home)}

    def java(self, memory: Sequence[str], main: str, *arguments: str) -> Sequence[str]:
        """Command line that runs `main`."""
        logback = self.home / "logback.xml"
        logback.write_text(_LOGBACK)
        return [
            "java", *memory, *_JVM, *self._tls(), f"-Duser.home={self.home}", f"-Drmq.logback.configurationFile={logback}",
            "-cp", maven.classpath(NAME).read_text(), f"org.apache.rocketmq.{main}", *arguments,
        ]  # fmt: skip

    def _tls(self) -> Sequence[str]:
        if self.certificate is None:
            return []
        cert, key = self.certificate
        return ["-Dtls.test.mode.enable=false", f"-Dtls.server.certPath={cert}", f"-Dtls.server.keyPath={key}"]


class NameServer(Jvm):
    """The name server: knows in memory which broker has which topic."""

    def __init__(self, home: Path, logs: Path, port: int) -> None:
        super().__init__("RocketMQ name server", logs, home)
        self.port = port
        self.address = f"{HOST}:{port}"

    def command(self) -> Sequence[str]:
        settings = self.home / "namesrv.conf"
        settings.write_text(f"listenPort={self.port}\nbindAddress={HOST}\n")
        memory = ["-Xms48m", "-Xmx96m", "-XX:MaxMetaspaceSize=96m", "-XX:MaxDirectMemorySize=64m"]
        return self.java(memory, "namesrv.NamesrvStartup", "-c", str(settings))

    def answers(self) -> bool:
        return rocketmq_calls.reaches(self.address)


class Broker(Jvm):
    """The broker: stores the messages; with `proxy` (read at each start) it also speaks gRPC."""

    def __init__(self, home: Path, logs: Path, name_server: str, proxy_port: int) -> None:
        super().__init__("RocketMQ broker", logs, home)
        # Two below is its fast port, one above that of replication.
        self.port = free_port(-2, 1)
        self.address = f"{HOST}:{self.port}"
        self.proxy = True
        self.proxy_port = proxy_port
        self.proxy_address = f"{HOST}:{proxy_port}"
        self.metrics_port = free_port()
        self._remoting_port = free_port()
        self._name_server = name_server
        self._probed = False

    def spawn(self) -> None:
        self._probed = False
        super().spawn()

    def command(self) -> Sequence[str]:
        settings = self.home / "broker.conf"
        settings.write_text("".join(f"{key}={value}\n" for key, value in self._settings().items()))
        memory = ["-Xms192m", "-Xmx384m", "-XX:MaxMetaspaceSize=192m", "-XX:MaxDirectMemorySize=320m"]
        if not self.proxy:
            return self.java(memory, "broker.BrokerStartup", "-c", str(settings))
        proxy = self.home / "rmq-proxy.json"
        proxy.write_text(json.dumps(self._proxy_settings()))
        return self.java(
            memory,
            "proxy.ProxyStartup",
            "-pm",
            "local",
            "-pc",
            str(proxy),
            "-bc",
            str(settings),
            "-n",
            self._name_server,
        )

    def answers(self) -> bool:
        """Whether the broker is registered, and a new topic is found at the name server and through the proxy."""
        try:
            if not rocketmq_calls.knows_route(self._name_server, _OWN_TOPIC):
                # A slow start finds no name server connected yet, and would try again only after 10 s.
                rocketmq_calls.register(self.address)
                return False
            if not self._probed:
                # Once, and not before its own registration: two at a time make it try again only after 10 s.
                rocketmq_calls.put_topic(self.address, _PROBE, "NORMAL", 1)
                self._probed = True
            if not rocketmq_calls.knows_route(self._name_server, _PROBE):
                return False
        except (OSError, rocketmq_calls.RefusedError):
            return False
        return not self.proxy or rocketmq_calls.proxy_knows_route(self.proxy_address, _PROBE)

    def _settings(self) -> Mapping[str, object]:
        return {
            "brokerClusterName": "DefaultCluster", "brokerName": "broker-a", "brokerId": 0, "brokerRole": "ASYNC_MASTER",
            # What is acknowledged is on the disk, as production demands.
            "flushDiskType": "SYNC_FLUSH",
            "namesrvAddr": self._name_server, "brokerIP1": HOST, "bindAddress": HOST,
            "listenPort": self.port, "haListenPort": self.port + 1, "storePathRootDir": self.home / "store",
            # Neither exists through the proxy: a test that forgets to create a topic must see it.
            "autoCreateTopicEnable": "false", "autoCreateSubscriptionGroup": "true",
            # Else a topic takes messages of one type only.
            "enableMixedMessageType": "true",
            # Sparse files of 1 GB are the default.
            "mappedFileSizeCommitLog": 67_108_864, "mappedFileSizeConsumeQueue": 600_000,
            "mappedFileSizeTimerLog": 10_485_760, "maxMessageSize": 1_048_576, "maxHashSlotNum": 50_000,
            "maxIndexNum": 200_000, "diskMaxUsedSpaceRatio": 95,
            # A flush compares the whole wheel of delayed messages, 0.4 s of a core each time; 1,000 is the default. A start
            # reads what came after the last flush from the log.
            "timerFlushIntervalMs": 600_000,
            # Seconds after a name server came back; 30 is the default.
            "registerNameServerPeriod": 10_000,
            "metricsExporterType": "PROM", "metricsPromExporterHost": HOST, "metricsPromExporterPort": self.metrics_port,
        }  # fmt: skip

    def _proxy_settings(self) -> Mapping[str, object]:
        cert, key = self.certificate or ("", "")
        return {
            "tlsTestModeEnable": self.certificate is None, "tlsCertPath": str(cert), "tlsKeyPath": str(key),
            "rocketMQClusterName": "DefaultCluster", "proxyName": "proxy-a", "proxyMode": "LOCAL",
            "namesrvAddr": self._name_server, "localServeAddr": HOST, "remotingAccessAddr": HOST,
            "grpcServerPort": self.proxy_port, "remotingListenPort": self._remoting_port, "maxMessageSize": 1_048_576,
        }  # fmt: skip


class RocketMq:
    """Broker, proxy and name server. Methods act on broker and proxy; a test breaks `name_server` by itself."""

    title = "RocketMQ"

    def __init__(
        self, data: Path, logs: Path, name_server_port: int | None = None, proxy_port: int | None = None
    ) -> None:
        home = data / "rocketmq"
        home.mkdir()
        self._numbers = count(1)
        self.name_server = NameServer(home, logs, name_server_port or free_port())
        self.broker = Broker(home, logs, self.name_server.address, proxy_port or free_port())
        self.authority = Authority(home, "rocketmq-authority")
        """Of the certificate that broker, proxy and name server show to who asks for TLS."""
        self.name_server.certificate = self.broker.certificate = self.authority.issue()
        self.endpoints = self.broker.proxy_address
        """Value of ``rocketmq.endpoints``; that of ``rocketmq.name-server`` is ``name_server.address``."""

    @staticmethod
    def missing() -> str | None:
        """Why this machine cannot start one, or None."""
        return maven.missing(NAME)

    @property
    def running(self) -> bool:
        return self.broker.running

    @property
    def pid(self) -> int:
        return self.broker.pid

    def start(self, *, proxy: bool = True) -> None:
        """Start what does not run. Return once the proxy, or without it the name server, knows a route."""
        used = shutil.disk_usage(self.broker.home)
        if used.used > _FULL * (used.used + used.free):
            raise OSError(
                f"the disk of {self.broker.home} is nearly full: a broker would refuse; set TMPDIR to another"
            )
        if not self.name_server.running:
            self.name_server.start()
        self.broker.proxy = proxy
        self.broker.start()

    def kill9(self) -> None:
        """SIGKILL to broker and proxy; the name server still runs."""
        self.broker.kill9()

    def stop(self) -> None:
        """SIGTERM to broker and proxy, and wait; the name server still runs."""
        self.broker.stop()

    def pause(self) -> None:
        """SIGSTOP to broker and proxy."""
        self.broker.pause()

    def resume(self) -> None:
        """SIGCONT to broker and proxy."""
        self.broker.resume()

    def restore(self) -> None:
        """Undo what a test has done: all run and answer again, with a proxy."""
        if self.running and not self.broker.proxy:
            self.kill9()
        self.name_server.restore()
        self.broker.proxy = True
        self.broker.restore()

    def close(self) -> None:
        """End both for good."""
        self.broker.close()
        self.name_server.close()

    def tail(self) -> str:
        """The last lines of both logs."""
        return f"{self.name_server.tail()}\n{self.broker.tail()}"

    def fresh_name(self, prefix: str) -> str:
        """A name that is new at this broker."""
        return f"{prefix}-{next(self._numbers)}"

    def fresh_topic(self, kind: str = "NORMAL", queues: int = 4) -> str:
        """Name of a new topic; `kind` is NORMAL, FIFO, DELAY, TRANSACTION or MIXED."""
        return self.create_topic(self.fresh_name("topic"), kind, queues)

    def fresh_group(self, retries: int = 16) -> str:
        """Name of a new consumer group, which gives a message up after `retries` redeliveries."""
        name = self.fresh_name("group")
        rocketmq_calls.put_group(self.broker.address, name, retries)
        return name

    def create_topic(self, name: str, kind: str = "NORMAL", queues: int = 4) -> str:
        """A topic, or its new settings; its name. Both the name server and the proxy know it at once."""
        rocketmq_calls.put_topic(self.broker.address, name, kind, queues)
        return name

    def allow_mixed(self, *, allowed: bool) -> None:
        """Whether a topic may be of messages of every type; it may after each start."""
        rocketmq_calls.set_property(self.broker.address, "enableMixedMessageType", str(allowed).lower())

    def send_batch(self, topic: str, bodies: Sequence[bytes], keys: Sequence[str] = (), queue: int = 0) -> None:
        """Send what `DefaultMQProducer.send(Collection)` of a Java producer sends, each part with its key."""
        rocketmq_calls.send_batch(self.broker.address, topic, queue, bodies, keys)

    def send_back(self, topic: str, group: str, commit_log_offset: int) -> None:
        """Ask for a redelivery of the message at this place, as a remoting consumer does."""
        rocketmq_calls.send_back(self.broker.address, topic, group, commit_log_offset)

    def part_search(self) -> PartSearch:
        """What the service asks for the original of a copy."""
        return PartSearch(Admin(addresses(self.name_server.address)))

    def drop_topic(self, name: str) -> None:
        """Delete the topic with its messages. A proxy may still know it for 20 s."""
        rocketmq_calls.drop_topic(self.name_server.address, self.broker.address, name)


def official_client(rocketmq: RocketMq, home: Path, topic: str, group: str, *request: str) -> list[str]:
    """What `rocketmq_client` prints, word by word; `home` is a folder of its own."""
    command = [
        sys.executable, "-m", "tests.support.servers.rocketmq_client", rocketmq.endpoints, topic, group, *request,
    ]  # fmt: skip
    environment = os.environ | {"HOME": str(home), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, check=False, capture_output=True, env=environment, timeout=90)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split()
