"""`wework-message keys` and `tenants`: on the database of the settings; a new key is alone on stdout."""

import json
from itertools import count

import pytest
from tests.support.apps.command_line import FakeService
from tests.support.builders.messages import NOW

from wework_message.domain.access.api_keys import ApiKey, is_well_formed
from wework_message.domain.access.scopes import ALL_SCOPES, OPERATOR_SCOPES, Scope
from wework_message.domain.audit import AuditOutcome
from wework_message.domain.digests import digest_of
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT

DAY_MS = 86_400_000
SHOP = ("keys", "create", "--name", "shop", "--scope", "messages:send")


def stored(app: FakeService) -> list[ApiKey]:
    return list(app.database.api_keys.committed_rows())


def made(app: FakeService, *options: str) -> ApiKey:
    before = {key.key_id for key in stored(app)}
    ended = app.run(*SHOP, *options)
    assert ended.exit_code == 0, ended.output
    return next(key for key in stored(app) if key.key_id not in before)


def test_a_new_key_is_alone_on_stdout() -> None:
    app = FakeService()
    ended = app.run(*SHOP, "--scope", "messages:read", "--expires", "90d")
    text = ended.stdout.removesuffix("\n")
    (key,) = stored(app)
    assert is_well_formed(text)
    assert digest_of(text) == key.digest
    assert (key.name, key.scopes) == ("shop", frozenset({Scope.MESSAGES_SEND, Scope.MESSAGES_READ}))
    assert (key.tenant_id, key.expires_at) == (DEFAULT_TENANT, NOW + 90 * DAY_MS)
    assert key.key_id in ended.stderr
    assert text not in ended.stderr
    assert ended.exit_code == 0


def test_a_key_that_was_made_is_shown_also_where_the_end_of_its_making_cannot_be_written() -> None:
    app = FakeService()
    commit, commits = app.database.commit, count(1)

    def only_the_first_two() -> None:
        if next(commits) > 2:
            raise UnavailableError("database", "is away")
        commit()

    app.database.commit = only_the_first_two  # type: ignore[method-assign] # as a database that goes away does
    ended = app.run(*SHOP)
    (key,) = stored(app)
    assert (ended.exit_code, digest_of(ended.stdout.removesuffix("\n"))) == (0, key.digest)
    assert [entry.outcome for entry in app.database.audit.committed_rows()] == [AuditOutcome.STARTED]


def test_a_new_key_as_json() -> None:
    app = FakeService()
    answer = json.loads(app.run(*SHOP, "--json").stdout)
    (key,) = stored(app)
    assert (answer["keyId"], answer["scopes"], answer["expiresAt"]) == (key.key_id, ["messages:send"], None)
    assert digest_of(answer["key"]) == key.digest


def test_all_scopes_are_those_that_a_key_of_the_tenant_may_have() -> None:
    app = FakeService()
    app.run("tenants", "create", "acme", "--name", "Acme Ltd")
    app.run("keys", "create", "--name", "operator", "--all-scopes")
    app.run("keys", "create", "--name", "acme", "--tenant", "acme", "--all-scopes")
    assert {key.tenant_id: key.scopes for key in stored(app)} == {
        "default": ALL_SCOPES,
        "acme": ALL_SCOPES - OPERATOR_SCOPES,
    }


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--all-scopes", "--scope", "metrics"),
        ("--scope", "messages:everything"),
        ("--all-scopes", "--expires", "90"),
        ("--all-scopes", "--expires", "59s"),
        ("--all-scopes", "--expires", "99999d"),
        ("--all-scopes", "--expires", "-1d"),
    ],
)
def test_a_wrong_command_line_makes_no_key(options: tuple[str, ...]) -> None:
    app = FakeService()
    assert app.run("keys", "create", "--name", "x", *options).exit_code == 64
    assert stored(app) == []


def test_what_cannot_be_is_refused_with_the_field() -> None:
    app = FakeService()
    for options, field in (
        (("--name", "x", "--tenant", "nobody", "--scope", "messages:send"), "tenantId"),
        (("--name", "", "--all-scopes"), "name"),
    ):
        ended = app.run("keys", "create", *options)
        assert (ended.exit_code, field in ended.stderr, ended.stdout) == (65, True, "")
    app.run("tenants", "create", "acme", "--name", "Acme Ltd")
    refused = app.run("keys", "create", "--name", "x", "--tenant", "acme", "--scope", "metrics")
    assert (refused.exit_code, "scopes" in refused.stderr) == (65, True)


def test_keys_are_listed_without_their_texts() -> None:
    app = FakeService()
    assert "there are no keys" in app.run("keys", "list").stderr + app.run("keys", "list").stdout
    app.run("tenants", "create", "acme", "--name", "Acme Ltd")
    text = app.run(*SHOP).stdout.strip()
    other = made(app, "--tenant", "acme", "--expires", "1h")
    app.clock.advance(3_600_000)
    app.run("keys", "create", "--name", "operator", "--all-scopes")
    shown = app.run("keys", "list").stdout
    assert f"and {len(ALL_SCOPES) - 2} more" in shown
    assert text.split("_")[3] not in shown
    assert other.key_id in shown
    assert len(json.loads(app.run("keys", "list", "--json").stdout)["items"]) == 3
    (item,) = json.loads(app.run("keys", "list", "--tenant", "acme", "--json").stdout)["items"]
    assert (item["keyId"], item["valid"]) == (other.key_id, False)


def test_a_key_is_rotated() -> None:
    app = FakeService()
    old = made(app)
    ended = app.run("keys", "rotate", old.key_id, "--overlap", "2h")
    new = next(key for key in stored(app) if key.rotated_from == old.key_id)
    assert digest_of(ended.stdout.strip()) == new.digest
    assert f"{old.key_id} stays valid for 2h" in ended.stderr
    assert app.database.api_keys.committed(old.key_id) is not None
    assert [key.ends_at for key in stored(app) if key.key_id == old.key_id] == [NOW + 7_200_000]
    again = app.run("keys", "rotate", old.key_id)
    assert (again.exit_code, new.key_id in again.stderr) == (65, True)
    assert json.loads(app.run("keys", "rotate", new.key_id, "--json").stdout)["rotatedFrom"] == new.key_id


def test_a_key_is_revoked_once_it_is_confirmed() -> None:
    app = FakeService()
    key, other = made(app), made(app)
    assert app.run("keys", "revoke", key.key_id).exit_code == 64
    assert len(stored(app)) == 2
    assert "within 5 s" in app.run("keys", "revoke", key.key_id, "--yes").stdout
    assert json.loads(app.run("keys", "revoke", other.key_id, "--yes", "--json").stdout) == {
        "keyId": other.key_id, "revoked": True,
    }  # fmt: skip
    assert stored(app) == []
    assert app.run("keys", "revoke", key.key_id, "--yes").exit_code == 66


def test_tenants_are_created_listed_disabled_and_enabled() -> None:
    app = FakeService()
    assert "acme is created" in app.run("tenants", "create", "acme", "--name", "Acme Ltd").stdout
    assert app.run("tenants", "create", "acme", "--name", "again").exit_code == 65
    assert app.run("tenants", "create", "Acme", "--name", "x").exit_code == 65
    assert app.run("tenants", "disable", "acme").exit_code == 64
    assert "within 5 s" in app.run("tenants", "disable", "acme", "--yes").stdout
    assert "Acme Ltd" in app.run("tenants", "list").stdout
    disabled = {
        item["tenantId"]: item["disabledAt"]
        for item in json.loads(app.run("tenants", "list", "--json").stdout)["items"]
    }
    assert (disabled["default"], disabled["acme"] is None) == (None, False)
    assert "within 5 s" in app.run("tenants", "enable", "acme").stdout
    assert json.loads(app.run("tenants", "enable", "acme", "--json").stdout)["disabledAt"] is None
    assert app.run("tenants", "disable", "default", "--yes").exit_code == 65
    assert app.run("tenants", "enable", "nobody").exit_code == 66


def test_what_else_would_stop_a_start_keeps_nobody_from_revoking() -> None:
    app = FakeService(problems=("app.callbacks.allow-networks: must have 127.0.0.1",))
    key = made(app)
    assert app.run("keys", "revoke", key.key_id, "--yes").exit_code == 0
    assert app.run("tenants", "list").exit_code == 0
    assert stored(app) == []


def test_a_database_that_is_away_is_for_another_time() -> None:
    app = FakeService()
    app.database.away = True
    ended = app.run(*SHOP)
    assert (ended.exit_code, ended.stdout) == (75, "")
