"""``audit list`` and ``audit export``, and the trail of commands that change keys and tenants themselves."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.apps.command_line import FakeService, good

from wework_message.domain.access.principal import PrincipalKind
from wework_message.domain.audit import AuditAction, AuditEntry, AuditOutcome

URL = "http://127.0.0.1:8082/message/api/audit"


def an_item(**changes: Any) -> dict[str, Any]:
    return {
        "seq": 7, "auditId": "a-1", "at": "2026-11-24T12:06:03.000Z", "tenantId": "default", "actorKind": "KEY", "actorId": "k1",
        "action": "key.revoke", "outcome": "DONE", "target": "k2", "requestId": "r", "address": "192.0.2.1", "status": 200,
        "fields": [], "count": 1,
    } | changes  # fmt: skip


def page(*items: dict[str, Any], following: str | None = None) -> Any:
    return good({"items": list(items), "nextCursor": following})


def test_a_list_is_narrowed_and_shown() -> None:
    app = FakeService(answers=[page(an_item(), an_item(actorId=None, actorKind="OPEN", target=None))])
    ran = app.run(
        "audit", "list", "--action", "key.revoke", "--actor", "k1", "--target", "k2", "--tenant", "t",
        "--from", "2026-11-01T00:00:00Z", "--to", "2026-12-01T00:00:00Z",
    )  # fmt: skip
    assert ran.exit_code == 0
    query = dict(app.requests[0].url.params)
    assert query == {
        "limit": "50", "action": "key.revoke", "actorId": "k1", "target": "k2", "tenantId": "t",
        "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z",
    }  # fmt: skip
    for text in ("11-24 12:06:03", "k1", "OPEN", "key.revoke", "DONE", "192.0.2.1"):
        assert text in ran.stdout


def test_a_list_as_json_and_an_empty_one() -> None:
    app = FakeService(answers=[page(an_item(), following="c"), page()])
    assert json.loads(app.run("audit", "list", "--limit", "1", "--json").stdout) == {
        "items": [an_item()], "nextCursor": "c",
    }  # fmt: skip
    assert "no entries" in app.run("audit", "list").stdout


def test_an_export_is_a_line_for_each_entry_of_all_pages() -> None:
    full = [an_item(seq=number) for number in range(100)]
    app = FakeService(answers=[page(*full, following="c"), page(an_item(seq=200))])
    ran = app.run("audit", "export", "--target", "k2")
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["seq"] for line in lines] == [*range(100), 200]
    assert [dict(request.url.params) for request in app.requests] == [
        {"limit": "100", "target": "k2"}, {"limit": "100", "target": "k2", "cursor": "c"},
    ]  # fmt: skip


def trail(app: FakeService) -> Sequence[AuditEntry]:
    return sorted(app.database.audit.committed_rows(), key=lambda entry: entry.seq)


def test_commands_about_keys_leave_a_trail() -> None:
    app = FakeService()
    created = app.run("keys", "create", "--name", "a-canary", "--scope", "messages:send")
    key_id = created.stdout.split("_")[2]
    app.run("keys", "rotate", key_id)
    app.run("keys", "revoke", key_id, "--yes")
    entries = trail(app)
    assert [(entry.action, entry.outcome) for entry in entries] == [
        (action, outcome)
        for action in (AuditAction.KEY_CREATE, AuditAction.KEY_ROTATE, AuditAction.KEY_REVOKE)
        for outcome in (AuditOutcome.STARTED, AuditOutcome.DONE)
    ]
    assert {(entry.actor_kind, entry.tenant_id, entry.address) for entry in entries} == {
        (PrincipalKind.COMMAND_LINE, "default", None)
    }
    assert all(entry.actor_id for entry in entries)
    assert entries[1].target == f"default/{key_id}"
    assert entries[4].target == key_id
    assert created.stdout.strip() not in str(entries)
    assert "a-canary" not in str(entries)


@pytest.mark.parametrize("command", [("keys", "rotate", "none"), ("tenants", "enable", "none")])
def test_what_is_refused_is_in_the_trail_as_refused(command: Sequence[str]) -> None:
    app = FakeService()
    assert app.run(*command).exit_code != 0
    assert [entry.outcome for entry in trail(app)] == [AuditOutcome.STARTED, AuditOutcome.REFUSED]


def test_commands_about_tenants_leave_a_trail_and_those_that_only_look_leave_none() -> None:
    app = FakeService()
    app.run("tenants", "create", "acme", "--name", "Acme Ltd")
    app.run("tenants", "disable", "acme", "--yes")
    app.run("tenants", "enable", "acme")
    app.run("tenants", "list")
    app.run("keys", "list")
    assert [(entry.action, entry.target) for entry in trail(app)][1::2] == [
        (AuditAction.TENANT_CREATE, "acme"), (AuditAction.TENANT_DISABLE, "acme"), (AuditAction.TENANT_ENABLE, "acme"),
    ]  # fmt: skip


def test_nothing_is_changed_where_the_trail_cannot_be_written() -> None:
    app = FakeService()
    app.database.failing_commits = 1
    assert app.run("keys", "create", "--name", "n", "--scope", "messages:send").exit_code != 0
    assert list(app.database.api_keys.committed_rows()) == []
    assert trail(app) == []
