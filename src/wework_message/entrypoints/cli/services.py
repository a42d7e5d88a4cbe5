"""What the commands need that read the settings from the rest of the program; `bootstrap` provides it, tests provide fakes."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from wework_message.application.access.keys import KeyRegistry
from wework_message.application.access.tenants import TenantRegistry
from wework_message.application.maintenance.recover import Recover, Recovered
from wework_message.application.maintenance.verify_statuses import Verified, VerifyStatuses
from wework_message.application.queries.diagnosis import Diagnosis
from wework_message.application.role import Role
from wework_message.domain.access.principal import COMMAND_LINE_PRINCIPAL, Principal
from wework_message.domain.audit import AuditAction

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Where the settings come from, in addition to the environment; None = as the environment says."""

    config: Path | None = None
    """The file to read instead of ``./config/application.yml`` or ``./application.yml``."""
    profile: str | None = None
    """Active profiles, comma-separated."""
    host: str | None = None
    """Address to listen on."""
    port: int | None = None
    """Port to listen on, 0 = any free one."""
    workers: int | None = None
    """Processes that share the work and the port."""
    role: Role = Role.ALL
    """The work of the process."""
    properties: tuple[str, ...] = ()
    """Settings of the command line, each ``key=value``, the last one strongest; the other fields are stronger."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One enabled provider of the settings."""

    code: str
    name: str
    url: str | None
    """None = the built-in simulator is used."""


@dataclass(frozen=True, slots=True)
class CreatedTopics:
    """What did not exist before."""

    topics: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedSecrets:
    """The secrets that a database holds."""

    by_key: Mapping[tuple[str, str], int]
    """How many of each column are encrypted with which key; ``none`` = in clear."""
    unreadable: tuple[str, ...]
    """Where those are that the settings' keys do not decrypt."""
    key_id: str | None
    """The key that encrypts now."""


@dataclass(frozen=True, slots=True)
class RotatedSecrets:
    """What was encrypted anew."""

    renewed: int
    key_id: str
    retired: tuple[str, ...]
    """Keys that no secret needs any more."""


class SecretsAtRest(Protocol):
    """What ``wework-message secrets`` does. Everything raises `CommandFailedError` where the settings have no key that fits."""

    def encrypt(self, setting: str, clear: str) -> str:
        """What may stand in a file as the value of `setting`."""
        ...

    def check(self) -> CheckedSecrets:
        """Decrypt every secret of the database once; nothing is changed, and none is shown."""
        ...

    def rotate(self) -> RotatedSecrets:
        """Encrypt every secret of the database with the present key."""
        ...


@dataclass(slots=True)
class TrailNotes:
    """What becomes known of a change while it is made."""

    target: str | None = None
    """Id of what was made."""


class InTheTrail(Protocol):
    """Does something that the audit trail has: its beginning is durable before."""

    def __call__(self, action: AuditAction, target: str | None = None, /) -> AbstractAsyncContextManager[TrailNotes]:
        """`target` is the id of what it is about."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Keys and tenants of the database of the settings."""

    keys: KeyRegistry
    tenants: TenantRegistry
    now: Callable[[], int]
    """Epoch ms."""
    in_the_trail: InTheTrail
    caller: Principal = COMMAND_LINE_PRINCIPAL


class WithAccess(Protocol):
    """Opens the database, brings its schema up as a start does, and closes it at the end."""

    def __call__(self, work: Callable[[Access], Awaitable[Result]], /) -> Result:
        """What `work` returns."""
        ...


@dataclass(frozen=True, slots=True)
class Startup:
    """A start whose settings are read; nothing runs yet."""

    profile: str
    files: tuple[str, ...]
    url: str
    """Root of what is served, with the context path; its port is 0 where any free one is taken."""
    docs_url: str | None
    """The API's documentation; None where no API is served."""
    workers: int
    """Processes that share the work; with several, one more supervises them."""
    parts: Mapping[str, str]
    """Backend by role: database, queue, cache."""
    providers: tuple[Provider, ...]
    warnings: tuple[str, ...]
    problems: tuple[str, ...]
    """Why the start would be refused; empty = it may start."""
    text: str
    """The effective settings for a person, secrets masked."""
    document: Mapping[str, Any]
    """The same for a program."""
    serve: Callable[[], int]
    """Run the service until it is stopped; returns the exit code."""
    migrate: Callable[[], str]
    """Bring the database's schema up to date; returns the state before, such as ``EMPTY``."""
    create_topics: Callable[[], CreatedTopics]
    """Create what is missing at the RocketMQ cluster."""
    examine: Callable[[float], Diagnosis]
    """Ask every check, each for at most so many seconds; problems of the settings are findings, not errors."""
    recover: Callable[[Recover], Recovered]
    """Go through a restored database that no process serves."""
    verify_statuses: Callable[[VerifyStatuses], Verified]
    """Compare every status with its evidence; it changes nothing."""
    secrets: SecretsAtRest
    """Look after encrypted secrets."""
    with_access: WithAccess
    """Look at keys and tenants, and change them."""


@dataclass(frozen=True, slots=True)
class Services:
    """The callable behind the commands that read the settings. It raises `CommandFailedError` for what an operator can mend."""

    startup: Callable[[SettingsSource], Startup]
