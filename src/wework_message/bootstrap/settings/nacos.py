"""Settings of Nacos, in the keys of Spring Cloud Alibaba (ADR 78)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from wework_message.adapters.host_names import host_and_port, is_host
from wework_message.bootstrap.settings.errors import MissingBackendError, SettingsError
from wework_message.bootstrap.settings.places import FilePath
from wework_message.bootstrap.settings.secrets import Secret
from wework_message.bootstrap.settings.section import Section, comma_separated
from wework_message.domain.ports.shared_configuration import DocumentName

DEFAULT_GROUP: Final = "DEFAULT_GROUP"
PORT: Final = 8848
"""Of Nacos; gRPC is 1000 above."""

MAX_PORT: Final = 64_535
"""The port of gRPC is 1000 above it."""

INSTALL: Final = "needs the extra nacos: pip install 'wework-message[nacos]'"
WAY_OUT: Final = (
    "without a Nacos set spring.cloud.nacos.discovery.enabled and spring.cloud.nacos.config.enabled to false"
)

SPRING: Final = "spring.cloud."
"""Before `nacos.` in the keys of Spring Cloud Alibaba."""

OWN: Final = frozenset({"nacos.application-name", "nacos.config.imports", "nacos.config.required", "nacos.config.copy"})
"""Keys that have another name in Spring, or none."""


def is_addresses(text: str) -> bool:
    """``host[:port]``, with ``http://`` before and a path behind it as Spring takes them, or several with commas between."""
    places = [host_and_port(entry.removeprefix("http://").partition("/")[0]) for entry in comma_separated(text)]
    return all(place is not None and ":" not in place[0] and place[1] <= MAX_PORT for place in places)


_Addresses: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]\S*(\s*,\s*[A-Za-z0-9]\S*)*$",
        extra={
            "allowed": f"host:8848, or several with commas between, with ports up to {MAX_PORT} (gRPC is 1000 above); https is not supported",
            "check": is_addresses,
        },
    ),
]
_Name: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9.:_-]{1,200}$", extra={"allowed": "1 to 200 letters, digits, dots, colons, hyphens and _"}
    ),
]
_Namespace: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{0,128}$", extra={"allowed": "the id of a namespace"})
]


class NacosDiscoverySettings(Section, frozen=True):
    """How the service is registered."""

    enabled: bool | None = None
    """false = it is not registered; null = where there is a server."""
    register_enabled: bool = True
    """The same in Spring's other key."""
    server_addr: _Addresses | None = None
    """null = ``nacos.server-addr``."""
    username: str | None = None
    password: Secret | None = None
    namespace: _Namespace = ""
    """Id of the namespace; empty = ``public``."""
    group: _Name = DEFAULT_GROUP
    service: _Name | None = None
    """Name of the service; null = ``nacos.application-name``."""
    cluster_name: _Name = "DEFAULT"
    ip: Annotated[str, Meta(extra={"allowed": "an address", "check": is_host})] | None = None
    """Address that others reach the service at; null = `server.host`, or the one from which Nacos is reached."""
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    """null = the port that it listens on."""
    weight: Annotated[float, Meta(ge=0, le=10_000)] = 1.0
    metadata: Annotated[Mapping[str, str], Meta(extra={"allowed": "a map of texts"})] = msgspec.field(
        default_factory=dict
    )
    """Added to ours, and stronger."""


class SharedDocument(Section, frozen=True):
    """A configuration of Nacos that several services read."""

    data_id: _Name
    group: _Name = DEFAULT_GROUP
    refresh: bool = False
    """Whether a change counts before the next start."""


class NacosConfigSettings(Section, frozen=True):
    """Which configurations of Nacos are settings."""

    enabled: bool | None = None
    """false = none; null = where there is a server."""
    server_addr: _Addresses | None = None
    """null = ``nacos.server-addr``."""
    username: str | None = None
    password: Secret | None = None
    namespace: _Namespace = ""
    group: _Name = DEFAULT_GROUP
    name: _Name | None = None
    """First part of the dataIds; null = `prefix`."""
    prefix: _Name | None = None
    """The same; null = ``nacos.application-name``."""
    file_extension: Literal["properties", "yaml", "yml"] = "properties"
    """Of the dataIds, and the form of what has none."""
    refresh_enabled: bool = True
    """false = a change counts at the next start only."""
    shared_configs: Annotated[
        Sequence[SharedDocument], Meta(extra={"allowed": "a list of data-id, group and refresh"})
    ] = ()
    """Weaker than the service's own, the last one strongest."""
    extension_configs: Annotated[
        Sequence[SharedDocument], Meta(extra={"allowed": "a list of data-id, group and refresh"})
    ] = ()
    """Between both."""
    imports: str | None = None
    """`spring.config.import`, with commas: ``[optional:]nacos:<dataId>[?group=...&refreshEnabled=...]``, instead of the names from `prefix`."""
    required: bool = False
    """true = no start where Nacos is away and no copy of its configurations is there."""
    copy: FilePath = "var/nacos/configuration.json"
    """File of what Nacos said last."""


class NacosSettings(Section, frozen=True):
    """Registration with Nacos, and settings from it; neither without a server."""

    application_name: _Name = "message-service"
    server_addr: _Addresses | None = None
    """``host:8848``, of several servers with commas; null = no Nacos."""
    username: str | None = None
    password: Secret | None = None
    discovery: NacosDiscoverySettings = NacosDiscoverySettings()
    config: NacosConfigSettings = NacosConfigSettings()

    @property
    def registers(self) -> bool:
        """Whether the service is registered."""
        section = self.discovery
        return section.register_enabled and self._is_on(section)

    @property
    def reads(self) -> bool:
        """Whether settings come from Nacos."""
        return self._is_on(self.config)

    @property
    def service(self) -> str:
        """The name to register."""
        return self.discovery.service or self.application_name

    def _is_on(self, section: NacosDiscoverySettings | NacosConfigSettings) -> bool:
        return self.is_meant(section) and installed()

    def is_meant(self, section: NacosDiscoverySettings | NacosConfigSettings) -> bool:
        """Whether it would be used with the extra."""
        return section.enabled is not False and (section.server_addr or self.server_addr) is not None


def addresses_of(settings: NacosSettings, section: NacosDiscoverySettings | NacosConfigSettings) -> str:
    """``host:port`` of every server, with commas between."""
    return ",".join(_address(text) for text in comma_separated(section.server_addr or settings.server_addr))


def _address(text: str) -> str:
    host = text.removeprefix("http://").partition("/")[0]
    return host if ":" in host else f"{host}:{PORT}"


def document_names(settings: NacosSettings, profiles: Iterable[str]) -> Sequence[DocumentName]:
    """The configurations to read, weakest first, as Spring Cloud Alibaba names them."""
    config = settings.config
    shared = [
        DocumentName(document.data_id, document.group, document.refresh)
        for document in (*config.shared_configs, *config.extension_configs)
    ]
    named = imports_of(config)[0]
    if named:
        return [*shared, *named]
    first = config.name or config.prefix or settings.application_name
    endings = ["", f".{config.file_extension}", *(f"-{profile}.{config.file_extension}" for profile in profiles)]
    return [*shared, *(DocumentName(f"{first}{ending}", config.group) for ending in endings)]


def imports_of(config: NacosConfigSettings) -> tuple[Sequence[DocumentName], bool, Sequence[str]]:
    """The configurations that `spring.config.import` names, whether one of them is not optional, and what is none of Nacos."""
    names: list[DocumentName] = []
    required, others = False, []
    for entry in comma_separated(config.imports):
        location = entry.removeprefix("optional:")
        if not location.startswith("nacos:"):
            others.append(entry)
            continue
        required = required or location == entry
        data_id, _, query = location.removeprefix("nacos:").lstrip("/").partition("?")
        options = {name: values[-1] for name, values in parse_qs(query).items()}
        if data_id:
            refresh = options.get("refreshEnabled", "true").lower() != "false"
            names.append(DocumentName(data_id, options.get("group", config.group), refresh))
    return names, required, others


def nacos_problems(settings: NacosSettings) -> Iterator[SettingsError]:
    """Why the service may not start with these settings."""
    for name, section in (("discovery", settings.discovery), ("config", settings.config)):
        if section.enabled and (section.server_addr or settings.server_addr) is None:
            yield MissingBackendError(
                f"nacos.{name}.enabled", "does nothing without nacos.server-addr (spring.cloud.nacos.server-addr)"
            )
    config = settings.config
    needed = bool(settings.discovery.enabled or config.enabled or config.required or imports_of(config)[1])
    if needed and used_sections(settings) and not installed():
        yield MissingBackendError("nacos.server-addr", f"Nacos {INSTALL}; or, {WAY_OUT}")


def nacos_warnings(settings: NacosSettings) -> Iterator[str]:
    """A server in former files is no demand: its default address starts no Nacos (ADR 78)."""
    if used_sections(settings) and not installed():
        yield f"nacos.server-addr has no effect: Nacos {INSTALL}; {WAY_OUT}"


def used_sections(settings: NacosSettings) -> Sequence[NacosDiscoverySettings | NacosConfigSettings]:
    """Those that have a server and are not turned off."""
    return [section for section in (settings.discovery, settings.config) if settings.is_meant(section)]


def installed() -> bool:
    """Whether the SDK of Nacos is there."""
    return find_spec("v2") is not None and find_spec("v2.nacos") is not None
