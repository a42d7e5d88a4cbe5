"""The keys of Java services that have no meaning here, with what to do about each; the Java message service's own ones among them.

The most precise entry counts. `foreign.py` reads the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Use(Enum):
    """When a key stops the start, where it has a value."""

    NONE = auto()
    """Never."""
    ALWAYS = auto()
    """Always: it names a database, a Redis or a cluster apart from the ones that are settings here, or who opens it."""
    REDIS = auto()
    """Where no Redis is set: it names one."""
    QUEUE = auto()
    """Where no RocketMQ is set: it names a queue."""
    TLS_HERE = auto()
    """Unless `enabled` below it is false: it wants this service to speak HTTPS."""
    REDIS_TLS = auto()
    """Where the link to Redis is in clear text."""
    SWITCH = auto()
    """Where it is true."""
    DATABASE_TLS = auto()
    """Where it wants the link to the database encrypted, and it is in clear text."""
    QUEUE_TLS = auto()
    """Where it is true, and the links to RocketMQ are in clear text."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key, or a section, of a Java service."""

    key: str
    advice: str
    """What to do about it."""
    use: Use = Use.NONE
    ours: str | None = None
    """Our section that may be meant, if it has the rest of the key."""

    @property
    def in_variables(self) -> bool:
        """Whether a variable of that name is meant for us: other programs have the names of the other sections."""
        return self.key.partition(".")[0] in _TOPS


_TOPS: Final = frozenset({"spring", "server", "management", "logging", "rocketmq", "rocketmq-native", "namesrv", "app"})

_POOL: Final = "remove it: there are no threads to size; app.message.async.max-pool-size limits the calls in flight"
_CONNECTIONS: Final = "remove it: the pool sizes itself; datasource.timeout-seconds limits a statement"
_NEVER_READ: Final = "remove it: the Java service did not read it either"
_MAPPER: Final = "remove it: there is no mapper; tables begin with wm_, and the start brings them up to date"
_HTTPS: Final = "this service speaks plain HTTP: put a proxy with TLS in front of it, and remove this"
_QUEUE: Final = "this service knows RocketMQ alone: set rocketmq.name-server, or remove this"
_DATASOURCE: Final = (
    "names a database apart from spring.datasource.url: move it to spring.datasource.url, username, password"
)
_SENTINEL: Final = (
    "Redis behind Sentinel or as a Cluster is not supported: name one server in spring.data.redis.host, and remove this"
)
_BOOT_2: Final = "is Spring Boot 2's name: rename it to spring.data.redis"
_LIMITS: Final = "remove it: security.limits.max-in-flight and server.limits.connections bound what a process takes on"
_QUEUE_TLS: Final = "set rocketmq.tls.mode: verify-endpoints (or verify), and remove this"
_CONSUMER: Final = "remove it; rocketmq.topics.intake and rocketmq.intake.group read the Java service's topic"
_CALLS: Final = "remove it: every provider has timeout-ms, a breaker and failover of its own (app.wework.providers)"
_REGISTRY: Final = "remove it: the service registers with Nacos alone (spring.cloud.nacos.discovery)"
_SOURCE: Final = "remove it: settings come from files, variables and Nacos alone"
_TOKENS: Final = "remove it; set security.mode: keys, and security.jwt.issuer, audience and key-set for tokens"

_TABLE: Final = {
    Use.ALWAYS: {
        _DATASOURCE: (
            "spring.datasource.jdbc-url spring.datasource.jndi-name spring.datasource.names spring.datasource.dynamic "
            "spring.datasource.master spring.datasource.slave spring.datasource.primary spring.datasource.secondary "
            "spring.datasource.druid.master spring.datasource.druid.slave spring.r2dbc.url spring.shardingsphere"
        ),
        _SENTINEL: "spring.data.redis.sentinel spring.data.redis.cluster",
        "is not read: set rocketmq.namespace, and remove this": (
            "rocketmq.consumer.namespace rocketmq.pull-consumer.namespace rocketmq.push-consumer.namespace "
            "rocketmq.simple-consumer.namespace"
        ),
        "move it to rocketmq.endpoints, beside rocketmq.name-server": (
            "rocketmq.producer.endpoints rocketmq.push-consumer.endpoints rocketmq.simple-consumer.endpoints"
        ),
    },
    Use.REDIS: {
        f"{_BOOT_2}.host": "spring.redis.host",
        f"{_BOOT_2}.url": "spring.redis.url",
        f"{_BOOT_2}; {_SENTINEL}": "spring.redis.sentinel spring.redis.cluster",
        "remove it; set spring.data.redis.host": "spring.redis.redisson spring.redisson",
    },
    Use.QUEUE: {
        _QUEUE: (
            "spring.rabbitmq.host spring.rabbitmq.addresses spring.rabbitmq.virtual-host spring.rabbitmq.stream "
            "spring.kafka.bootstrap-servers spring.kafka.producer.bootstrap-servers spring.kafka.consumer.bootstrap-servers "
            "spring.pulsar.client spring.activemq.broker-url spring.artemis.broker-url spring.artemis.host "
            "spring.jms.jndi-name spring.cloud.stream.binders spring.cloud.stream.kafka.binder.brokers"
        ),
        "is not read: move it to rocketmq.name-server": (
            "rocketmq.name-srv-addr rocketmq.namesrv namesrv.addr spring.cloud.stream.rocketmq.binder.name-server"
        ),
    },
    Use.TLS_HERE: {_HTTPS: "server.ssl management.server.ssl"},
    Use.SWITCH: {_HTTPS: "spring.cloud.nacos.discovery.secure"},
    Use.DATABASE_TLS: {
        "is not read: set datasource.tls.mode: verify, and remove this": (
            "spring.datasource.hikari.data-source-properties spring.datasource.druid.connection-properties "
            "spring.datasource.druid.connect-properties spring.datasource.connection-properties "
            "spring.datasource.tomcat.connection-properties spring.datasource.dbcp2.connection-properties"
        ),
    },
    Use.REDIS_TLS: {
        "is not read: set spring.data.redis.ssl.enabled: true (and redis.tls.ca-file), and remove this": (
            "spring.data.redis.ssl spring.data.redis.ssl.bundle spring.redis.ssl"
        ),
    },
    Use.QUEUE_TLS: {
        _QUEUE_TLS: (
            "rocketmq.producer.tls-enable rocketmq.consumer.tls-enable rocketmq.pull-consumer.tls-enable "
            "rocketmq.push-consumer.tls-enable rocketmq.producer.ssl-enabled rocketmq.push-consumer.ssl-enabled "
            "rocketmq.simple-consumer.ssl-enabled tls.enable"
        ),
    },
    Use.NONE: {
        _POOL: (
            "app.message.async.queue-capacity app.message.async.keep-alive-seconds app.message.async.keep-alive "
            "app.message.async.thread-name-prefix app.message.async.await-termination-seconds "
            "app.message.async.wait-for-tasks-to-complete-on-shutdown app.message.async.allow-core-thread-time-out "
            "app.message.async.rejected-policy spring.task"
        ),
        "remove it: the backoff always doubles": "app.message.retry.multiplier app.message.retry.backoff-multiplier",
        "remove it: a backoff grows up to 60 s": "app.message.retry.max-delay-ms app.message.retry.max-delay",
        "remove it: callbacks are stored and applied without threads to size": (
            "app.callback.executor app.callback.async app.callback.core-pool-size app.callback.max-pool-size "
            "app.callback.queue-capacity app.callback.keep-alive-seconds app.callback.thread-name-prefix "
            "app.message.callback.executor app.message.callback.async app.message.callback.core-pool-size "
            "app.message.callback.max-pool-size app.message.callback.queue-capacity "
            "app.message.callback.keep-alive-seconds app.message.callback.thread-name-prefix app.message.callback-executor"
        ),
        _NEVER_READ: "wework message monitoring tenant",
        _CONNECTIONS: (
            "spring.datasource.druid spring.datasource.hikari spring.datasource.tomcat spring.datasource.dbcp2 "
            "spring.datasource.type spring.datasource.initialization-mode"
        ),
        "remove it: the URL says which driver": "spring.datasource.driver-class-name",
        _MAPPER: "mybatis-plus mybatis pagehelper spring.jpa spring.flyway spring.liquibase spring.sql",
        "remove it: calls to Redis have limits of their own": (
            "spring.data.redis.timeout spring.data.redis.connect-timeout spring.data.redis.lettuce "
            "spring.data.redis.jedis spring.data.redis.client-type spring.data.redis.client-name"
        ),
        _CONSUMER: "rocketmq.consumer rocketmq.push-consumer rocketmq.pull-consumer rocketmq.simple-consumer rocketmq-native",
        "remove it: the client decides": (
            "rocketmq-native.producer rocketmq.producer.max-message-size rocketmq.producer.compress-message-body-threshold "
            "rocketmq.producer.retry-times-when-send-async-failed rocketmq.producer.retry-next-server "
            "rocketmq.producer.enable-msg-trace rocketmq.producer.customized-trace-topic rocketmq.producer.topic "
            "rocketmq.producer.namespace-v2 rocketmq.producer.instance-name rocketmq.producer.request-timeout "
            "rocketmq.producer.max-attempts rocketmq.access-channel"
        ),
        "remove it": (
            "spring management spring.redis spring.rabbitmq spring.kafka spring.pulsar spring.activemq spring.artemis spring.jms "
            "spring.cloud.stream spring.cache spring.session jetcache redisson spring.main spring.aop server.servlet"
        ),
        _CALLS: (
            "resilience4j spring.cloud.openfeign feign ribbon hystrix spring.cloud.loadbalancer spring.cloud.circuitbreaker "
            "spring.webclient spring.cloud.sentinel sentinel"
        ),
        _REGISTRY: "eureka spring.cloud.consul spring.cloud.zookeeper dubbo seata",
        _SOURCE: "spring.cloud.config spring.cloud.kubernetes spring.cloud.vault spring.cloud.bootstrap apollo",
        _TOKENS: "jwt spring.security security.basic security.user security.oauth2 sa-token app.jwt app.security",
        "remove it: certificates are files here (datasource.tls, redis.tls, rocketmq.tls), see docs/security.md": "spring.ssl javax.net.ssl",
        "remove it; app.compat.local-time-zone writes instants as Java does, else JSON has one form": "user.timezone spring.jackson spring.gson spring.mvc.format",
        "remove it: a file is at most app.media.max-bytes": "spring.servlet.multipart spring.http.multipart",
        "remove it: the document is at /v3/api-docs and the page at /swagger-ui.html": "springdoc knife4j swagger springfox",
        "remove it: browsers of other sites are refused; see security.allowed-origins": "app.cors spring.graphql.cors spring.mvc.cors",
        "remove it: the paths begin with server.context-path, and are served without it, too": "spring.mvc spring.webflux spring.web",
        "remove it: SIGTERM drains within 25 s": "spring.lifecycle server.shutdown",
        _LIMITS: (
            "server.tomcat server.jetty server.undertow server.netty server.connection-timeout "
            "server.max-http-post-size"
        ),
        "remove it; set server.limits.head-bytes": "server.max-http-header-size server.max-http-request-header-size",
        "remove it; set app.callbacks.trusted-proxies": "server.forward-headers-strategy server.use-forward-headers",
        "remove it: answers are not compressed, and HTTP/1.1; a proxy may do both": "server.compression server.http2",
        "remove it: errors have one form (docs/problems.md)": "server.error server.reactive server.server-header",
        "remove it: health, info and prometheus are served at /actuator, nothing else": (
            "management.endpoints management.endpoint management.health management.info management.security management.server"
        ),
        "remove it: metrics are at /actuator/prometheus (docs/monitoring.md); labels of your own come from the scrape": (
            "management.metrics management.prometheus management.observations management.simple"
        ),
        "remove it; set management.otlp.tracing.endpoint": "management.tracing management.otlp management.zipkin spring.zipkin spring.sleuth",
        "remove it; set logging.level for all": "logging.level logging.group logging.threshold",
        "remove it; set logging.format": "logging.pattern logging.structured logging.charset logging.config logging.exception-conversion-word",
        "remove it; set logging.file.max-size, max-history and total-size-cap": (
            "logging.logback logging.file.clean-history-on-start logging.file.pattern logging.file.rolling-file-name-pattern"
        ),
        "remove it: ENC(...) of Jasypt cannot be read; write such values anew with wework-message secrets encrypt": "jasypt",
        "is no name of Spring: rename it to spring.profiles.active, or remove it": "spring.profile",
        "remove it; set logging.file.name": "logging.file.path logging.path",
        "remove it: addresses are looked up by the service that has them": "spring.cloud.inetutils spring.cloud.discovery spring.cloud.service-registry",
    },
}


def _entries() -> Iterator[ForeignKey]:
    for use, advices in _TABLE.items():
        for advice, keys in advices.items():
            for key in keys.split():
                yield ForeignKey(key, advice, use, _OURS.get(key))


_OURS: Final = {"wework": "app.wework", "message": "app.message"}
"""Our sections that may be written without their parents by mistake; the rest of the key decides."""

FOREIGN: Final = tuple(_entries())
"""Every entry, each key once."""
