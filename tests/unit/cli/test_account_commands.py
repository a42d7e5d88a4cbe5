import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.apps.command_line import FakeService, bad, fleet_answer, good

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.fleet.document import ACCOUNT_FIELDS, BINDING_SETTINGS

ROOT = "http://127.0.0.1:8082/message/api/accounts"
BINDING = {"providerCode": "P", "guid": "g/1", "standby": "WARM", "priority": 2}
LIMITS: dict[str, Any] = {
    "budgets": [{"per": "MINUTE", "limit": 20}],
    "minIntervalMs": 1500,
    "quietHours": {"from": "22:00", "to": "08:00", "zone": "Asia/Shanghai"},
    "bulkShare": 0.5,
}


def page(*accounts: dict[str, Any], cursor: str | None = None) -> httpx.Response:
    return good({"items": list(accounts), "nextCursor": cursor})


def requested(app: FakeService) -> list[tuple[str, str]]:
    return [
        (request.method, str(request.url).removeprefix("http://127.0.0.1:8082/message/api/"))
        for request in app.requests
    ]


# -- looking at accounts ---------------------------------------------------------------------------------------------


def test_the_list_shows_names_states_and_limits() -> None:
    account = fleet_answer("sales-1", name="Sales", pools=["a", "b"], bindings=[BINDING], **LIMITS)
    app = FakeService(answers=[page(account, fleet_answer("off", enabled=False))])
    shown = app.run("accounts", "list").stdout
    assert str(app.requests[0].url) == f"{ROOT}?limit=50"
    for text in ("sales-1", "Sales", "ONLINE", "a, b", "20 per minute, bulk 50%, every 1500 ms", "disabled"):
        assert text in shown


def test_the_list_is_filtered_and_paged() -> None:
    app = FakeService(
        answers=[page(*map(fleet_answer, map(str, range(100))), cursor="c"), page(fleet_answer("x"), cursor="d")]
    )
    args = ("--guid", "g", "--provider", "P", "--pool", "north", "--disabled", "--implicit", "--limit", "101", "--json")
    document = json.loads(app.run("accounts", "list", *args).stdout)
    assert (len(document["items"]), document["nextCursor"]) == (101, "d")
    assert dict(app.requests[0].url.params) == {
        "limit": "100", "guid": "g", "providerCode": "P", "pool": "north", "enabled": "false", "includeImplicit": "true",
    }  # fmt: skip
    assert dict(app.requests[1].url.params)["cursor"] == "c"
    assert "no accounts" in FakeService(answers=[page()]).run("accounts", "list", "--cursor", "d").stdout


def test_an_account_is_shown_with_its_bindings() -> None:
    account = fleet_answer("a b", name="[bold]销售", enabled=False, pools=["north"], bindings=[BINDING], **LIMITS)
    app = FakeService(answers=[good(account), good(account), good(fleet_answer("empty", implicit=True))])
    shown = app.run("accounts", "show", "a b").stdout
    assert requested(app) == [("GET", "accounts/a%20b")]
    for text in ("[bold]销售", "north", "quiet 22:00-08:00 Asia/Shanghai", "g/1", "WARM", "sends are refused", "yes"):
        assert text in shown
    assert json.loads(app.run("accounts", "show", "a b", "--json").stdout) == account
    shown = app.run("accounts", "show", "empty").stdout
    assert "no bindings: it cannot send" in shown
    assert "nobody registered" in shown


def test_an_unknown_account_ends_with_66() -> None:
    ended = FakeService(answers=[bad(404, "NOT_FOUND")]).run("accounts", "show", "x")
    assert ended.exit_code == ExitCode.NOT_FOUND


# -- changing accounts -----------------------------------------------------------------------------------------------


def test_create_posts_what_its_options_say() -> None:
    app = FakeService(answers=[good(fleet_answer("a"), 201)])
    ended = app.run(
        "accounts", "create", "a", "--name", "Sales", "--corp-id", "ww1", "--vid", "1688", "--pool", "x", "--pool", "y",
        "--on-unknown", "fail", "--budget", "minute=20", "--budget", "DAY=500", "--min-interval-ms", "1500",
        "--quiet-hours", "22:00", "08:00", "Asia/Shanghai", "--bulk-share", "0.5", "--disabled", "--bind", "P", "g", "--bind", "Q", "h",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.stderr
    assert requested(app) == [("POST", "accounts")]
    assert app.sent() == {
        "accountId": "a", "name": "Sales", "corpId": "ww1", "vid": "1688", "pools": ["x", "y"], "onUnknown": "FAIL",
        **LIMITS, "budgets": [{"per": "MINUTE", "limit": 20}, {"per": "DAY", "limit": 500}], "enabled": False,
        "bindings": [{"providerCode": "P", "guid": "g"}, {"providerCode": "Q", "guid": "h"}],
    }  # fmt: skip
    assert {*app.sent()} == {*ACCOUNT_FIELDS}


def test_create_takes_a_whole_request() -> None:
    app = FakeService(answers=[good(fleet_answer("a"), 201)])
    app.run("accounts", "create", "--file", "-", stdin=b'{"bindings": []}')
    assert app.requests[0].content == b'{"bindings": []}'


def test_a_refusal_names_every_field() -> None:
    errors = [{"path": "bindings[0].providerCode", "code": "INVALID_VALUE", "message": "is not a provider"}]
    ended = FakeService(answers=[bad(422, "VALIDATION_FAILED", errors=errors)]).run("accounts", "create", "a")
    assert ended.exit_code == ExitCode.REFUSED
    assert "bindings[0].providerCode: is not a provider" in ended.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["create", "a", "--file", "-"],
        ["create", "--budget", "WEEK=1"],
        ["create", "--budget", "DAY=many"],
        ["change", "a"],
        ["change", "a", "--name", "x", "--unset", "name"],
        ["change", "a", "--unset", "bindings"],
    ],
)
def test_a_command_that_says_too_little_or_too_much_is_refused_before_anything_is_sent(args: list[str]) -> None:
    app = FakeService()
    assert app.run("accounts", *args, stdin=b"{}").exit_code == ExitCode.USAGE
    assert app.requests == []


@pytest.mark.parametrize(
    ("args", "changes"),
    [
        (["change", "a", "--name", "new", "--unset", "budgets"], {"name": "new", "budgets": None}),
        (["change", "a", "--budget", "HOUR=9"], {"budgets": [{"per": "HOUR", "limit": 9}]}),
        (["disable", "a"], {"enabled": False}),
        (["enable", "a"], {"enabled": True}),
    ],
)
def test_a_change_keeps_what_it_does_not_name(args: list[str], changes: dict[str, Any]) -> None:
    stored = fleet_answer("a", name="old", pools=["p"], vid="1688", bindings=[BINDING], **LIMITS)
    app = FakeService(answers=[good(stored), good(stored)])
    assert app.run("accounts", *args).exit_code == 0
    assert requested(app) == [("GET", "accounts/a"), ("PUT", "accounts/a")]
    kept = {"name": "old", "corpId": None, "vid": "1688", "enabled": True, "pools": ["p"], "onUnknown": None, **LIMITS}
    assert app.sent(1) == {**kept, "version": 3, **changes}


def test_a_change_that_somebody_else_overtook_is_tried_later() -> None:
    app = FakeService(answers=[good(fleet_answer("a")), bad(409, "CONFLICT")])
    assert app.run("accounts", "disable", "a").exit_code == ExitCode.TRY_AGAIN


def test_bind_adds_an_instance_or_changes_the_one_that_is_there() -> None:
    app = FakeService(answers=[good(fleet_answer("a")), good(fleet_answer("a"), 201)])
    args = ("--standby", "cold", "--priority", "0", "--weight", "7", "--device-slot", "iPad", "--disabled")
    app.run("accounts", "bind", "a", "P", "g", *args)
    assert requested(app) == [("GET", "accounts/a"), ("POST", "accounts/a/bindings")]
    settings = {"standby": "COLD", "priority": 0, "weight": 7, "deviceSlot": "iPad", "enabled": False}
    assert {*settings} == {*BINDING_SETTINGS}
    assert app.sent(1) == {"providerCode": "P", "guid": "g", **settings}
    stored = fleet_answer("a", bindings=[{**BINDING, "weight": 9}])
    app = FakeService(answers=[good(stored), good(stored)])
    app.run("accounts", "bind", "a", "P", "g/1", "--standby", "HOT")
    assert requested(app)[1] == ("PUT", "accounts/a/bindings/bind%3AP%3Ag%2F1")
    assert app.sent(1) == {"standby": "HOT", "priority": 2, "weight": 9, "deviceSlot": None, "enabled": True}


def test_unbind_removes_the_binding_of_an_instance() -> None:
    stored = fleet_answer("a", bindings=[BINDING])
    app = FakeService(answers=[good(stored), good(fleet_answer("a")), good(stored)])
    assert app.run("accounts", "unbind", "a", "P", "g/1").exit_code == 0
    assert requested(app)[1] == ("DELETE", "accounts/a/bindings/bind%3AP%3Ag%2F1")
    ended = app.run("accounts", "unbind", "a", "P", "other")
    assert ended.exit_code == ExitCode.NOT_FOUND
    assert "account a has no binding P other" in ended.stderr


@pytest.mark.parametrize(("flags", "query"), [((), ""), (("--demote",), "?demote=true")])
def test_activate_names_the_binding_of_an_instance(flags: tuple[str, ...], query: str) -> None:
    stored = fleet_answer("a", bindings=[BINDING])
    app = FakeService(answers=[good(stored), good(stored)])
    assert app.run("accounts", "activate", "a", "P", "g/1", *flags).exit_code == 0
    assert requested(app)[1] == ("POST", f"accounts/a/bindings/bind%3AP%3Ag%2F1/activate{query}")


# -- a fleet as a file -----------------------------------------------------------------------------------------------

PROVIDERS = good([{"code": "P", "name": "p"}])


def a_file(tmp_path: Path, *accounts: dict[str, Any]) -> str:
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps({"accounts": accounts}))
    return str(path)


def test_export_reads_every_page_and_writes_one_document(tmp_path: Path) -> None:
    pages = [page(fleet_answer("b", bindings=[BINDING]), cursor="c"), page(fleet_answer("a"))]
    app = FakeService(answers=[*pages])
    assert app.run("accounts", "export").stdout.startswith("accounts:\n- accountId: a\n- accountId: b\n")
    assert [dict(request.url.params) for request in app.requests] == [{"limit": "100"}, {"limit": "100", "cursor": "c"}]
    for args in (["--json"], ["--format", "json"]):
        text = FakeService(answers=[*pages]).run("accounts", "export", *args).stdout
        assert [account["accountId"] for account in json.loads(text)["accounts"]] == ["a", "b"]
    output = tmp_path / "fleet.json"
    assert "fleet.json: 2" in FakeService(answers=[*pages]).run("accounts", "export", "-o", str(output)).stderr
    assert json.loads(output.read_text())["accounts"][1]["bindings"] == [BINDING]
    ended = FakeService(answers=[*pages]).run("accounts", "export", "-o", str(tmp_path / "no" / "x"))
    assert (ended.exit_code, "cannot be written" in ended.stderr) == (ExitCode.NOT_FOUND, True)


def test_a_file_that_is_wrong_asks_the_service_nothing(tmp_path: Path) -> None:
    app = FakeService()
    path = a_file(tmp_path, {"accountId": "a"}, {"accountId": "b", "bindings": [{"guid": "g"}]})
    ended = app.run("accounts", "apply", path)
    assert (ended.exit_code, app.requests) == (ExitCode.REFUSED, [])
    assert "accounts[1].bindings[0].providerCode: is required" in ended.stderr
    document = json.loads(app.run("accounts", "apply", path, "--json").stdout)
    assert document["errors"] == [{"path": "accounts[1].bindings[0].providerCode", "message": "is required"}]


def test_what_the_service_would_refuse_is_said_before_the_first_change(tmp_path: Path) -> None:
    own = [{"providerCode": "P", "guid": f"o{number}"} for number in range(20)]
    stored = (
        fleet_answer("full", bindings=own),
        fleet_answer("holder", bindings=[{"providerCode": "P", "guid": "held"}]),
    )
    implicit = fleet_answer("guid:used", implicit=True, bindings=[{"providerCode": "P", "guid": "used"}])
    app = FakeService(answers=[page(*stored), PROVIDERS, page(), page(implicit)])
    path = a_file(
        tmp_path,
        {"accountId": "full", "bindings": [{"providerCode": "P", "guid": "more"}]},
        {"accountId": "new", "bindings": [{"providerCode": code, "guid": guid} for code, guid in (("P", "held"), ("Q", "q"), ("P", "used"))]},
        {"accountId": "guid:x"},
    )  # fmt: skip
    ended = app.run("accounts", "apply", path)
    assert ended.exit_code == ExitCode.REFUSED
    for text in (
        "accounts[1].bindings[0].guid: is bound to account holder; --prune removes it there",
        "accounts[0].bindings: would be 21 with those that the file does not name",
        "accounts[1].bindings[1].providerCode: is not a configured provider",
        "accounts[1].bindings[2].guid: has sent as account guid:used",
        "accounts[2].accountId: begins with guid:",
        "5 problems, nothing was changed",
    ):
        assert text in ended.stderr
    assert {request.method for request in app.requests} == {"GET"}


def test_a_dry_run_shows_every_difference_and_changes_nothing(tmp_path: Path) -> None:
    stored = (
        fleet_answer("a", name="old", bindings=[BINDING, {"providerCode": "P", "guid": "gone"}]),
        fleet_answer("same"),
        fleet_answer("z"),
    )
    accounts = (
        {"accountId": "a", "name": "new", "bindings": [{**BINDING, "priority": 1}]},
        {"accountId": "n", "pools": ["x"], "bindings": [{"providerCode": "P", "guid": "n-1", "weight": 7}]},
        {"accountId": "same"},
    )
    path = a_file(tmp_path, *accounts)
    app = FakeService(answers=[page(*stored), PROVIDERS, page()])
    ended = app.run("accounts", "apply", path, "--dry-run", "--prune")
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout == (
        "~ a\n"
        "    name: old -> new\n"
        "    ~ P g/1: priority: 2 -> 1\n"
        "    - P gone\n"
        "+ n\n"
        '    pools: ["x"]\n'
        "    + P n-1 weight=7\n"
        "- z  (not in the file: is switched off)\n"
        "    enabled: true -> false\n"
        "would be: 1 created, 1 changed, 1 switched off; 1 unchanged\n"
    )
    assert {request.method for request in app.requests} == {"GET"}
    app = FakeService(answers=[page(*stored), PROVIDERS, page()])
    shown = app.run("accounts", "apply", path, "--dry-run").stdout
    assert "not in the file and kept: z (--prune switches them off)" in shown
    assert "not in the file and kept: P gone of a (--prune removes it)" in shown
    app = FakeService(answers=[page(*stored), PROVIDERS, page()])
    document = json.loads(app.run("accounts", "apply", path, "--dry-run", "--json").stdout)
    assert (document["dryRun"], document["unchanged"], document["keptAccounts"]) == (True, 1, ["z"])
    assert document["keptBindings"] == [{"accountId": "a", "providerCode": "P", "guid": "gone"}]
    assert [(entry["accountId"], entry["action"], entry["result"]) for entry in document["accounts"]] == [
        ("a", "CHANGE", "PLANNED"),
        ("n", "CREATE", "PLANNED"),
    ]
    assert document["accounts"][0]["steps"] == [
        {"action": "CHANGE", "differences": [{"path": "name", "before": "old", "after": "new"}]},
        {
            "action": "CHANGE_BINDING",
            "providerCode": "P",
            "guid": "g/1",
            "differences": [{"path": "priority", "before": 2, "after": 1}],
        },
    ]


def test_an_account_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    stored = [fleet_answer(name, bindings=[BINDING | {"guid": name}]) for name in "ab"]
    path = a_file(tmp_path, {"accountId": "a", "name": "x"}, {"accountId": "b", "name": "y"})
    answers = [page(*stored), bad(409, "CONFLICT"), good(stored[1]), good(stored[1])]
    app = FakeService(answers=[*answers])
    ended = app.run("accounts", "apply", path, "--prune")
    assert requested(app)[1:] == [
        ("PUT", "accounts/a"),
        ("PUT", "accounts/b"),
        ("DELETE", "accounts/b/bindings/bind%3AP%3Ab"),
    ]
    assert app.sent(1)["version"] == 3
    assert ended.exit_code == ExitCode.TRY_AGAIN
    assert ended.stdout.endswith("1 changed; 0 unchanged\n")
    assert "failed: a: 409 CONFLICT: no" in ended.stderr
    document = json.loads(FakeService(answers=[*answers]).run("accounts", "apply", path, "--prune", "--json").stdout)
    assert [entry["result"] for entry in document["accounts"]] == ["FAILED", "DONE"]
    assert document["accounts"][0]["error"]["error"] == "CONFLICT"


def test_different_failures_end_with_65(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"accountId": "a", "name": "x"}, {"accountId": "b", "name": "y"})
    app = FakeService(answers=[page(*map(fleet_answer, "ab")), bad(409, "CONFLICT"), bad(404, "NOT_FOUND")])
    assert app.run("accounts", "apply", path).exit_code == ExitCode.REFUSED


def test_a_service_that_does_not_answer_ends_the_run(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"accountId": "a", "name": "x"}, {"accountId": "b", "name": "y"})
    app = FakeService(answers=[page(*map(fleet_answer, "ab")), httpx.ConnectError("away")])
    ended = app.run("accounts", "apply", path)
    assert ended.exit_code == ExitCode.UNAVAILABLE
    assert "not finished: b" in ended.stderr


def test_apply_reads_stdin_and_says_that_there_is_nothing_to_do() -> None:
    app = FakeService(answers=[page(fleet_answer("a"))])
    ended = app.run("accounts", "apply", "-", stdin=b"accounts:\n- accountId: a\n")
    assert (ended.exit_code, ended.stdout) == (0, "nothing to do; 1 unchanged\n")
    assert len(app.requests) == 1


# -- placing and logging in ------------------------------------------------------------------------------------------


def test_an_account_is_placed() -> None:
    app = FakeService(answers=[good(fleet_answer("sales", bindings=[BINDING]))])
    args = ("--place", "--provider", "P", "--place-again", "--name", "Sales")
    assert "sales" in app.run("accounts", "create", "sales", *args).stdout
    assert json.loads(app.requests[0].content) == {
        "accountId": "sales", "name": "Sales", "place": True, "providerCode": "P", "placeAgain": True,
    }  # fmt: skip


CODE: dict[str, Any] = {
    "bindingId": "b/1", "providerCode": "P", "guid": "g/1", "content": "https://scan.example/k", "image": "aW1hZ2U=",
}  # fmt: skip


def login(*args: str, code: dict[str, Any] = CODE, bindings: int = 1) -> tuple[FakeService, Any]:
    account = fleet_answer("sales", bindings=[{**BINDING, "guid": f"g/{number}"} for number in range(1, bindings + 1)])
    app = FakeService(answers=[good(account), good(code)])
    return app, app.run("accounts", "login", "sales", *args)


def test_the_content_of_the_code_is_all_that_is_printed() -> None:
    app, result = login()
    assert result.stdout == "https://scan.example/k\n"
    assert [method for method, _ in requested(app)] == ["GET", "POST"]
    assert requested(app)[1][1].endswith("/login-code")
    assert json.loads(login("--json")[1].stdout) == CODE
    assert login("P", "g/2", bindings=2)[1].stdout == "https://scan.example/k\n"


def test_the_code_is_written_as_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "code.jpg"
    assert login("--image", str(file))[1].exit_code == ExitCode.OK
    assert file.read_bytes() == b"image"
    _, result = login("--image", str(file), code={**CODE, "image": None})
    assert result.exit_code == ExitCode.REFUSED
    assert "no picture" in result.stderr


def test_the_code_that_a_login_asks_for_is_typed_and_not_printed() -> None:
    account = good(fleet_answer("sales", bindings=[{**BINDING, "guid": "g/1"}]))
    app = FakeService(answers=[account, account])
    result = app.run("accounts", "login", "sales", "--code", stdin=b"735915\n")
    assert (result.exit_code, "sales" in result.stdout, "735915" in result.output) == (ExitCode.OK, True, False)
    assert requested(app)[1][1].endswith("/login-code/verify")
    assert app.sent(1) == {"code": "735915"}
    both = FakeService().run("accounts", "login", "sales", "--code", "--image", "-", stdin=b"735915\n")
    assert (both.exit_code, "leave --image out" in both.stderr) == (ExitCode.USAGE, True)


def test_an_account_with_several_instances_needs_a_name_for_one() -> None:
    for bindings in (0, 2):
        _, result = login(bindings=bindings)
        assert result.exit_code == ExitCode.USAGE
        assert f"{bindings} bindings" in result.stderr
    assert login("P")[1].exit_code == ExitCode.USAGE
    assert login("P", "g/9")[1].exit_code == ExitCode.NOT_FOUND
