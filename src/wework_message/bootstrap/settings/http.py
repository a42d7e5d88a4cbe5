"""Settings of HTTP: where it listens, what a connection may cost, who may ask, and whom clients may let us ask."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from wework_message.bootstrap.settings.places import FilePath, ListeningHost
from wework_message.bootstrap.settings.secrets import Secret
from wework_message.bootstrap.settings.section import Section
from wework_message.bootstrap.settings.tracing import OtlpSettings, TracingSettings

_ContextPath: TypeAlias = Annotated[
    str, Meta(pattern=r"^(/[A-Za-z0-9._~-]+)*/?$", extra={"allowed": "a path such as /message, or empty"})
]
_WebhookPath: TypeAlias = Annotated[
    str, Meta(pattern=r"^(/[A-Za-z0-9._~-]+)+$", extra={"allowed": "a path such as /message/api/callbacks/webhook"})
]
_Names: TypeAlias = Annotated[
    str, Meta(pattern=r"^[^\s,]+(\s*,\s*[^\s,]+)*$", extra={"allowed": "names, separated by commas"})
]
_Claim: TypeAlias = Annotated[
    str, Meta(pattern=r"^\S{1,255}$", extra={"allowed": "a text without spaces of at most 255 characters"})
]
_Networks: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Fa-f:./]+( *, *[0-9A-Fa-f:./]+)*$",
        extra={"allowed": "networks such as 10.1.0.0/16, separated by commas"},
    ),
]


class ServerLimitSettings(Section, frozen=True):
    """What one connection may cost, whoever is at its other end (ADR 26)."""

    head_bytes: Annotated[int, Meta(ge=1024, le=1_048_576)] = 16_384
    """Bytes of a request's line and headers, at most: 431."""
    head_seconds: Annotated[int, Meta(ge=1, le=600)] = 10
    """Until the first byte of a connection, and from the first byte of a request to the end of its head, s: 408."""
    body_bytes_per_second: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    """Slowest body, and slowest reader of an answer, over `head_seconds`: 408, or the connection is cut."""
    connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096
    """Open connections of one listener; further ones are answered 503."""
    connections_per_peer: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    """Of them from one address (IPv6: one /64)."""


class ServerSettings(Section, frozen=True):
    """Where the REST API listens."""

    host: ListeningHost | None = None
    """Address to listen on; null = 127.0.0.1, or 0.0.0.0 where a profile other than `dev` is active (D-38)."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8082
    """TCP port; 0 = any free one."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    """Processes of one `serve` or `consume`, under a supervisor where there are several (ADR 33)."""
    drain_delay_seconds: Annotated[int, Meta(ge=0, le=15)] | None = None
    """For how long requests are taken after SIGTERM, while balancers take the process out, s; null = 10 with the profile `k8s`, else 0 (ADR 80)."""
    context_path: _ContextPath = "/message"
    """Prefix of every route, without a trailing slash; everything is served without it too (D-26)."""
    webhook_path: _WebhookPath | None = None
    """The only path of the webhook, one of its documented spellings; null = all of them."""
    limits: ServerLimitSettings = ServerLimitSettings()


class ManagementServerSettings(Section, frozen=True):
    """Where health and metrics are served apart from the REST API, in Spring's key."""

    port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    """TCP port; 0 = any free one; null = none of its own with `serve`, 8083 with `consume`."""


class ManagementSettings(Section, frozen=True):
    """Health, metrics and traces; every other key of Spring's section has no meaning here."""

    server: ManagementServerSettings = ManagementServerSettings()
    tracing: TracingSettings = TracingSettings()
    otlp: OtlpSettings = OtlpSettings()


class SecretsSettings(Section, frozen=True):
    """Keys for the secrets that the database and files hold (ADR 72)."""

    key: Secret | None = None
    """Base64 of 32 random bytes: it encrypts, and decrypts; null = what is new is stored in clear."""
    previous_keys: Secret | None = None
    """Keys that decrypt only, with commas between them."""


class RequestLimitSettings(Section, frozen=True):
    """How many requests callers may make, and how much a process takes on (ADR 71)."""

    shedding: bool = True
    """Refuse what comes while requests take too long: 503 `OVERLOADED`, batches first and callbacks last."""
    max_in_flight: Annotated[int, Meta(ge=32, le=100_000)] = 1024
    """Requests that one process works on at once, at most; fewer while they take too long. Callbacks have four times as much of their own."""
    key_requests_per_second: Annotated[float, Meta(ge=0.01, le=100_000)] | None = None
    """Of one key, or of one subject of a token, in all processes; an item of a batch counts as one. null = no limit."""
    key_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 200
    """Requests that a key which was quiet may make at once."""
    tenant_requests_per_second: Annotated[float, Meta(ge=0.01, le=100_000)] | None = None
    """The same for all keys of one tenant together; null = no limit."""
    tenant_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 400
    failed_log_ins_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 30
    """Requests with a wrong key or token that one address (IPv6: one /64) may make to one process; then 429, without a look at what it shows. A known key is let in."""


class JwtSettings(Section, frozen=True):
    """The issuer whose tokens are taken beside API keys (ADR 69)."""

    issuer: _Claim | None = None
    """The `iss` of its tokens; null = there is none."""
    audience: _Claim | None = None
    """The `aud` of tokens for this service."""
    key_set: FilePath | None = None
    """The file with its public keys (JWKS), which is read again when it changes."""
    algorithms: _Names = "RS256, ES256"
    """The algorithms of its signatures, separated by commas; asymmetric ones only."""
    tenant_claim: _Claim = "tenant"
    """The claim with the tenant."""
    scope_claim: _Claim = "scope"
    """The claim with the scopes: a text with blanks between them, or a list."""


class SecuritySettings(Section, frozen=True):
    """Who may call."""

    mode: Literal["open", "keys"] = "open"
    """`open` = everybody who reaches the port may do everything; `keys` = who shows an API key or a token (ADR 69)."""
    environment: Annotated[
        str, Meta(pattern="^[a-z0-9]{1,16}$", extra={"allowed": "1-16 lower-case letters and digits"})
    ] = "live"
    """The environment in the text of API keys; keys of another one are refused."""
    metrics: Literal["open", "keys"] = "open"
    """`keys` = metrics need the scope `metrics`, where `mode` is `keys`."""
    jwt: JwtSettings = JwtSettings()
    allowed_hosts: _Names | None = None
    """Names that `Host` may have in addition to addresses and private names, ``*.example`` all below one, `*` any."""
    allowed_origins: _Names | None = None
    """Origins that are ours in addition to that of `Host`, such as ``https://desk.example``; `*` any."""
    secrets: SecretsSettings = SecretsSettings()
    limits: RequestLimitSettings = RequestLimitSettings()


class OutboundSettings(Section, frozen=True):
    """Requests to addresses that clients name (ADR 55)."""

    allow_networks: _Networks | None = None
    """Networks outside the public internet that may be called, over http too; null = none."""
