"""The audit trail: who did what, from where, and how it ended (ADR 70). Entries are added, never changed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from wework_message.domain.access.principal import Principal, PrincipalKind
from wework_message.domain.ids import DEFAULT_TENANT, AuditId, TenantId

MAX_TARGET: Final = 255
"""Characters of a target; the rest of a longer one is cut off."""

MAX_FIELDS: Final = 50
"""Names of changed fields that an entry keeps."""


class AuditAction(StrEnum):
    """What is done; the names are API."""

    MESSAGE_RETRY = "message.retry"
    MESSAGE_CANCEL = "message.cancel"
    MESSAGE_RECALL = "message.recall"
    MESSAGE_RESOLVE = "message.resolve"
    BATCH_CANCEL = "batch.cancel"
    REPLAY_START = "replay.start"
    REPLAY_CANCEL = "replay.cancel"
    DEAD_LETTER_REPLAY = "dead-letter.replay"
    ACCOUNT_CREATE = "account.create"
    ACCOUNT_CHANGE = "account.change"
    BINDING_CREATE = "binding.create"
    BINDING_CHANGE = "binding.change"
    BINDING_ACTIVATE = "binding.activate"
    BINDING_DELETE = "binding.delete"
    LOGIN_CODE = "login.code"
    LOGIN_VERIFY = "login.verify"
    CALLBACK_REPLAY = "callback.replay"
    CALLBACK_PURGE = "callback.purge"
    CALLBACK_TOKEN_CREATE = "callback-token.create"  # noqa: S105 -- an action
    CALLBACK_TOKEN_ROTATE = "callback-token.rotate"  # noqa: S105 -- an action
    CALLBACK_TOKEN_REVOKE = "callback-token.revoke"  # noqa: S105 -- an action
    WEBHOOK_CREATE = "webhook.create"
    WEBHOOK_CHANGE = "webhook.change"
    WEBHOOK_DELETE = "webhook.delete"
    WEBHOOK_ROTATE = "webhook.rotate"
    WEBHOOK_RECOVER = "webhook.recover"
    WEBHOOK_TEST = "webhook.test"
    MEDIA_DELETE = "media.delete"
    ERASURE_START = "erasure.start"
    CONTROL_PAUSE = "control.pause"
    CONTROL_RESUME = "control.resume"
    KEY_CREATE = "key.create"
    KEY_ROTATE = "key.rotate"
    KEY_REVOKE = "key.revoke"
    TENANT_CREATE = "tenant.create"
    TENANT_DISABLE = "tenant.disable"
    TENANT_ENABLE = "tenant.enable"
    SECRET_ROTATE = "secret.rotate"  # noqa: S105 -- an action
    DATABASE_MIGRATE = "database.migrate"
    DATABASE_RECOVER = "database.recover"
    LOGIN_FAILED = "login.failed"
    """Requests with a key or token that is not valid, or with none."""
    SCOPE_MISSING = "scope.missing"
    """Requests whose key or token lacks the scope of their route."""


class AuditOutcome(StrEnum):
    """How far it came; the names are API."""

    STARTED = "STARTED"
    """It is about to be done. Where no other entry of the same id follows, nobody knows whether it was."""
    DONE = "DONE"
    REFUSED = "REFUSED"
    """Nothing was changed: the request was wrong, or not allowed."""
    FAILED = "FAILED"
    """An error of ours, or no answer: it may have been done, or done in part."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the trail. It holds ids and names of fields, never content and no secret."""

    id: AuditId
    """The same for what was begun and how it ended."""
    at: int
    """Epoch ms."""
    tenant_id: TenantId
    """Whose trail it is in: the actor's tenant."""
    actor_kind: PrincipalKind
    actor_id: str
    """The key's id, the token's subject, or the user of the operating system; empty where nobody knows."""
    action: str
    """An `AuditAction`, or one that a later version has written."""
    outcome: AuditOutcome
    target: str | None = None
    """Id of what it is about, several with ``/`` between them; at most `MAX_TARGET` characters."""
    request_id: str | None = None
    address: str | None = None
    """Whence the request came; None for the command line."""
    status: int | None = None
    """Of the HTTP answer."""
    fields: tuple[str, ...] = ()
    """Names of the fields that the request named; at most `MAX_FIELDS`."""
    count: int = 1
    """How many requests it stands for."""
    seq: int = 0
    """Its place in the trail; 0 = not stored yet."""

    def ended(
        self,
        outcome: AuditOutcome,
        at: int,
        *,
        target: str | None = None,
        status: int | None = None,
        fields: tuple[str, ...] = (),
    ) -> Self:
        """The entry that says how it ended; `target` is what became known of it meanwhile."""
        return type(self)(
            self.id,
            at,
            self.tenant_id,
            self.actor_kind,
            self.actor_id,
            self.action,
            outcome,
            cut(target) if target is not None else self.target,
            self.request_id,
            self.address,
            status,
            fields[:MAX_FIELDS],
        )


def started(
    audit_id: AuditId,
    action: AuditAction,
    actor: Principal,
    at: int,
    *,
    target: str | None = None,
    request_id: str | None = None,
    address: str | None = None,
) -> AuditEntry:
    """The entry that must be stored before the action is begun; `at` in epoch ms."""
    return AuditEntry(
        audit_id, at, actor.tenant_id, actor.kind, actor.id, action, AuditOutcome.STARTED,
        cut(target), request_id, address,
    )  # fmt: skip


def cut(target: str | None) -> str | None:
    """At most `MAX_TARGET` characters; None where nothing is left."""
    return target[:MAX_TARGET] or None if target is not None else None


def outcome_of(status: int) -> AuditOutcome:
    """What an HTTP answer says; `status` 0 = there was none."""
    if 200 <= status < 400:  # noqa: PLR2004 -- successes and what was there already
        return AuditOutcome.DONE
    return AuditOutcome.REFUSED if 400 <= status < 500 else AuditOutcome.FAILED  # noqa: PLR2004 -- the caller's fault


@dataclass(frozen=True, slots=True)
class Refusal:
    """Requests that were not let in and are counted together, in one entry for each minute."""

    action: AuditAction
    address: str | None
    tenant_id: TenantId = DEFAULT_TENANT
    """Whose key it was; that of the operator where nobody knows."""
    actor_kind: PrincipalKind = PrincipalKind.OPEN
    actor_id: str = ""
    missing: str | None = None
    """The scope that the route needs."""

    def entry(self, audit_id: AuditId, at: int, count: int) -> AuditEntry:
        """`count` of them, up to `at` (epoch ms)."""
        return AuditEntry(
            audit_id, at, self.tenant_id, self.actor_kind, self.actor_id, self.action, AuditOutcome.REFUSED,
            cut(self.missing), None, self.address, count=count,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are asked for; None = all. Instants are epoch ms."""

    action: AuditAction | None = None
    actor_id: str | None = None
    target: str | None = None
    since: int | None = None
    """From this instant on."""
    until: int | None = None
    """Before this instant."""

    def takes(self, entry: AuditEntry) -> bool:
        """Whether `entry` is one of them."""
        return (
            self.action in (None, entry.action)
            and self.actor_id in (None, entry.actor_id)
            and self.target in (None, entry.target)
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
        )
