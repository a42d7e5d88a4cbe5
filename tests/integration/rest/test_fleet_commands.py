"""Accounts on the command line against the real API: a fleet is exported, changed in its file and applied."""

import json
from typing import Any

from click.testing import Result
from tests.support.apps.command_line import run_against
from tests.support.apps.in_memory_app import a_policy
from tests.support.apps.rest import TEXT, Rest, serving
from tests.support.builders.messages import BACKUP, PROVIDER

from wework_message.entrypoints.cli.fleet.document import ACCOUNT_FIELDS, BINDING_FIELDS, without_defaults
from wework_message.entrypoints.cli.fleet.file import read_fleet

FLEET = f"""accounts:
- accountId: guid:old
  bindings:
  - providerCode: {PROVIDER}
    guid: old
- accountId: sales
  name: 销售
  corpId: ww1
  vid: '1688'
  enabled: false
  pools:
  - north
  - vip
  onUnknown: FAIL
  budgets:
  - per: MINUTE
    limit: 20
  - per: DAY
    limit: 500
  minIntervalMs: 1500
  quietHours:
    from: '22:00'
    to: 08:00
    zone: Asia/Shanghai
  bulkShare: 0.25
  bindings:
  - providerCode: {PROVIDER}
    guid: g/1
  - providerCode: {BACKUP}
    guid: g/1
    standby: WARM
    priority: 2
    weight: 7
    deviceSlot: iPad
    enabled: false
"""
"""Every field of an account and of a binding, none with its default."""


async def run(rest: Rest, *args: str, stdin: str | bytes | None = None) -> Result:
    content = stdin.encode() if isinstance(stdin, str) else stdin
    ended = await run_against(rest.client, *args, stdin=content)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended


async def applied(rest: Rest, fleet: str, *options: str) -> dict[str, Any]:
    ended = await run(rest, "accounts", "apply", "-", "--json", *options, stdin=fleet)
    assert ended.exit_code == 0, ended.output
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


async def exported(rest: Rest, *options: str) -> str:
    return (await run(rest, "accounts", "export", *options)).stdout


def test_the_file_of_these_tests_has_every_field() -> None:
    sales = without_defaults(read_fleet(FLEET.encode(), "fleet").accounts["sales"])
    assert {*sales} == {*ACCOUNT_FIELDS}
    assert {*sales["bindings"][1]} == {*BINDING_FIELDS}


async def test_a_fleet_is_kept_in_a_file() -> None:
    async with serving(a_policy()) as rest:
        await rest.sent(guid="old")  # its implicit account is taken over
        assert await exported(rest) == "accounts: []\n"
        dry = await applied(rest, FLEET, "--dry-run")
        assert {entry["result"] for entry in dry["accounts"]} == {"PLANNED"}
        assert await exported(rest) == "accounts: []\n"

        created = await applied(rest, FLEET)
        assert [(entry["action"], entry["result"]) for entry in created["accounts"]] == [("CREATE", "DONE")] * 2
        assert await exported(rest) == FLEET
        for fleet in (FLEET, await exported(rest, "--json")):
            assert await applied(rest, fleet, "--prune") == {
                "dryRun": False, "unchanged": 2, "accounts": [], "keptAccounts": [], "keptBindings": [],
            }  # fmt: skip

        moved = f"""accounts:
- accountId: new
  bindings:
  - providerCode: {PROVIDER}
    guid: old
- accountId: sales
  enabled: false
  vid: '1688'
  bindings:
  - providerCode: {BACKUP}
    guid: g/1
    weight: 8
  - providerCode: {BACKUP}
    guid: g/2
"""
        refused = await run(rest, "accounts", "apply", "-", stdin=moved)
        assert (refused.exit_code, "is bound to account guid:old; --prune removes it there" in refused.stderr) == (
            65,
            True,
        )
        assert await exported(rest) == FLEET
        changed = await applied(rest, moved, "--prune")
        assert [entry["accountId"] for entry in changed["accounts"]] == ["sales", "guid:old", "new"]
        left = (await applied(rest, moved, "--prune"))["accounts"]
        assert left == []
        off, new, sales = json.loads(await exported(rest, "--json"))["accounts"]
        assert off == {"accountId": "guid:old", "enabled": False}
        assert new["bindings"] == [{"providerCode": PROVIDER, "guid": "old"}]
        assert (sales["bindings"][0], len(sales["bindings"])) == (
            {"providerCode": BACKUP, "guid": "g/1", "weight": 8},
            2,
        )
        assert set(sales) == {"accountId", "vid", "enabled", "bindings"}


async def test_a_guid_that_has_sent_is_named_and_can_be_freed() -> None:
    fleet = f"accounts: [{{accountId: sales, bindings: [{{providerCode: {PROVIDER}, guid: used}}]}}]"
    async with serving(a_policy()) as rest:
        await rest.sent(guid="used")
        refused = await run(rest, "accounts", "apply", "-", "--dry-run", stdin=fleet)
        assert refused.exit_code == 65
        assert "accounts[0].bindings[0].guid: has sent as account guid:used" in refused.stderr
        assert (await run(rest, "accounts", "unbind", "guid:used", PROVIDER, "used")).exit_code == 0
        assert len((await applied(rest, fleet))["accounts"]) == 1


async def test_accounts_and_routes_are_changed_and_explained() -> None:
    async with serving(a_policy()) as rest:
        assert (
            await run(rest, "accounts", "create", "sales", "--bind", PROVIDER, "g", "--budget", "DAY=9")
        ).exit_code == 0
        assert (await run(rest, "accounts", "bind", "sales", BACKUP, "g", "--standby", "WARM")).exit_code == 0
        assert (await run(rest, "accounts", "change", "sales", "--name", "Sales", "--unset", "budgets")).exit_code == 0
        shown = (await run(rest, "accounts", "list", "--guid", "g")).stdout
        assert [line.split()[:2] for line in shown.splitlines()[1:]] == [["sales", "Sales"]]
        request = json.dumps({**TEXT, "guid": "g"}).encode()
        shown = (await run(rest, "routes", "explain", "-", stdin=request)).stdout
        message_id = await rest.sent(guid="g")
        of_message = (await run(rest, "messages", "explain", message_id)).stdout
        for text in (shown, of_message):
            assert [line.split()[:3] for line in text.splitlines() if "->" in line] == [["->", "g", PROVIDER]]
            assert "STANDBY" in text
        await run(rest, "accounts", "disable", "sales")
        assert (await run(rest, "routes", "explain", "-", stdin=request)).exit_code == 65
        bad = await run(rest, "accounts", "create", "bad", "--min-interval-ms", "0")
        assert (bad.exit_code, "minIntervalMs: " in bad.stderr) == (65, True)
