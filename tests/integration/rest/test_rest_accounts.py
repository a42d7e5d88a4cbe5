"""Accounts and bindings over REST: the shapes, the refusals, and what a send makes of them."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.apps.in_memory_app import a_policy
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest, serving
from tests.support.builders.messages import BACKUP, GUID, PROVIDER

from wework_message.adapters.sql.mapping import tables
from wework_message.adapters.sql.mapping.pause_table import pause
from wework_message.domain.registration import MAX_ACCOUNT_ID
from wework_message.domain.routing.provider import Capabilities
from wework_message.domain.webhooks.event import SUBSCRIBABLE

ROOT = "/message/api/accounts"
EXPLAIN = "/message/api/routing/explain"
FIRST: dict[str, Any] = {"providerCode": PROVIDER, "guid": GUID}
SPARE: dict[str, Any] = {"providerCode": BACKUP, "guid": "spare", "standby": "WARM", "priority": 2, "weight": 7}
WHOLE: dict[str, Any] = {
    "accountId": "sales",
    "name": "Sales",
    "corpId": "ww1",
    "vid": "1688",
    "enabled": True,
    "pools": ["north", "vip"],
    "onUnknown": "FAIL",
    "budgets": [{"per": "MINUTE", "limit": 20}, {"per": "DAY", "limit": 500}],
    "minIntervalMs": 1500,
    "quietHours": {"from": "22:00", "to": "08:00", "zone": "Asia/Shanghai"},
    "bulkShare": 0.25,
}


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    async with serving(a_policy()) as rest:
        yield rest


@pytest.fixture
async def idle() -> AsyncIterator[Rest]:
    async with serving(a_policy(), dispatching=False) as rest:
        yield rest


async def pass_time(rest: Rest) -> None:
    """Ten seconds: what is held for five is due then."""
    rest.in_memory_app.clock.advance(10_000)
    await rest.in_memory_app.use_cases.notifier().notify(())


async def created(rest: Rest, **body: Any) -> dict[str, Any]:
    answer = await rest.post(ROOT, body)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def put(rest: Rest, path: str, body: Any) -> Any:
    return await rest.client.put(f"{ROOT}/{path}", json=body)


def problems(answer: Any) -> list[tuple[str, str]]:
    return [(problem["path"], problem["code"]) for problem in answer.json()["errors"]]


async def test_an_account_is_answered_as_it_was_registered(idle: Rest) -> None:
    answer = await idle.post(ROOT, {**WHOLE, "bindings": [FIRST, SPARE]})
    assert (answer.status_code, answer.headers["location"]) == (201, "/message/api/accounts/sales")
    account = answer.json()["data"]
    assert {name: account[name] for name in WHOLE} == WHOLE
    assert (account["state"], account["implicit"], account["version"]) == ("UNKNOWN", False, 1)
    assert account["createdAt"] == account["updatedAt"]
    spare, first = account["bindings"]
    assert first == {
        **FIRST, "bindingId": f"bind:{PROVIDER}:{GUID}", "standby": "HOT", "priority": 1, "weight": 100, "deviceSlot": None,
        "enabled": True, "state": "UNKNOWN", "healthy": None,
    }  # fmt: skip
    assert {name: spare[name] for name in SPARE} == SPARE
    assert (await idle.get(f"{ROOT}/sales")).json()["data"] == account
    assert (await idle.get(ROOT)).json()["data"] == {"items": [account], "nextCursor": None}


async def test_what_is_absent_in_a_put_gets_its_default(idle: Rest) -> None:
    await created(idle, **WHOLE, bindings=[FIRST])
    account = (await put(idle, "sales", {"name": None, "version": 1})).json()["data"]
    assert (account["name"], account["pools"], account["budgets"], account["quietHours"]) == ("", [], [], None)
    assert (account["onUnknown"], account["minIntervalMs"], account["bulkShare"], account["corpId"]) == (None,) * 4
    assert (account["vid"], account["enabled"], account["version"], len(account["bindings"])) == ("1688", True, 2, 1)
    stale = await put(idle, "sales", {"version": 1})
    assert (stale.status_code, stale.json()["error"], problems(stale)) == (
        409,
        "CONFLICT",
        [("version", "INVALID_VALUE")],
    )


async def test_bindings_are_added_changed_and_removed(idle: Rest) -> None:
    await created(idle, accountId="sales")
    answer = await idle.post(f"{ROOT}/sales/bindings", SPARE)
    assert (answer.status_code, answer.headers["location"]) == (201, "/message/api/accounts/sales")
    again = await idle.post(f"{ROOT}/sales/bindings", SPARE)
    assert (again.status_code, problems(again)) == (409, [("guid", "INVALID_VALUE")])
    binding_id = answer.json()["data"]["bindings"][0]["bindingId"]
    changed = await put(idle, f"sales/bindings/{binding_id}", {"deviceSlot": "iPad"})
    (binding,) = changed.json()["data"]["bindings"]
    assert (binding["standby"], binding["priority"], binding["weight"], binding["deviceSlot"]) == (
        "HOT",
        1,
        100,
        "iPad",
    )
    removed = await idle.client.delete(f"{ROOT}/sales/bindings/{binding_id}")
    assert (removed.status_code, removed.json()["data"]["bindings"], removed.json()["data"]["version"]) == (200, [], 4)
    assert (await idle.client.delete(f"{ROOT}/sales/bindings/{binding_id}")).status_code == 404
    assert (await put(idle, f"sales/bindings/{binding_id}", {})).status_code == 404
    assert (await idle.post(f"{ROOT}/sales/bindings", SPARE)).status_code == 201


async def test_a_guid_that_is_bound_is_refused_with_the_account_that_has_it(idle: Rest) -> None:
    await created(idle, accountId="sales", bindings=[FIRST])
    refused = await idle.post(ROOT, {"accountId": "support", "bindings": [SPARE, FIRST]})
    assert (refused.status_code, refused.json()["error"]) == (409, "CONFLICT")
    assert problems(refused) == [("bindings[1].guid", "INVALID_VALUE")]
    assert "account sales" in refused.json()["errors"][0]["message"]
    assert (await idle.get(f"{ROOT}/support")).status_code == 404
    await created(idle, accountId="support")
    assert problems(await idle.post(f"{ROOT}/support/bindings", FIRST)) == [("guid", "INVALID_VALUE")]
    twice = await idle.post(ROOT, {"accountId": "sales"})
    assert (twice.status_code, problems(twice)) == (409, [("accountId", "INVALID_VALUE")])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"colour": 1, "bindings": [{"x": 1}]}, [("colour", "UNKNOWN_FIELD"), ("bindings[0].x", "UNKNOWN_FIELD"),
          ("bindings[0].providerCode", "REQUIRED"), ("bindings[0].guid", "REQUIRED")]),
        ({"bindings": [{"providerCode": "NOBODY", "guid": "g"}]}, [("bindings[0].providerCode", "INVALID_VALUE")]),
        ({"bindings": [FIRST, FIRST]}, [("bindings[1].guid", "INVALID_VALUE")]),
        ({"bindings": [{**FIRST, "weight": 0, "priority": -1, "standby": "HOTTER", "enabled": 1}]},
         [("bindings[0].weight", "INVALID_VALUE"), ("bindings[0].priority", "INVALID_VALUE"),
          ("bindings[0].standby", "INVALID_VALUE"), ("bindings[0].enabled", "WRONG_TYPE")]),
        ({"bindings": [FIRST] * 21}, [("bindings", "TOO_LONG")]),
        ({"bindings": {}}, [("bindings", "WRONG_TYPE")]),
        ({"bindings": [{**FIRST, "deviceSlot": "a\tb"}]}, [("bindings[0].deviceSlot", "INVALID_VALUE")]),
        ({"accountId": "a/b"}, [("accountId", "INVALID_VALUE")]),
        ({"accountId": "guid:other", "bindings": [FIRST]}, [("accountId", "INVALID_VALUE")]),
        ({"vid": "x"}, [("vid", "INVALID_VALUE")]),
        ({"name": "\n"}, [("name", "INVALID_VALUE")]),
        ({"pools": ["a", "a"]}, [("pools[1]", "INVALID_VALUE")]),
        ({"pools": ["a b"]}, [("pools[0]", "INVALID_VALUE")]),
        ({"onUnknown": "GUESS"}, [("onUnknown", "INVALID_VALUE")]),
        ({"budgets": [{"per": "WEEK", "limit": 0}]}, [("budgets[0].per", "INVALID_VALUE"), ("budgets[0].limit", "INVALID_VALUE")]),
        ({"budgets": [{"per": "DAY", "limit": 1}] * 2}, [("budgets[1].per", "INVALID_VALUE")]),
        ({"minIntervalMs": 0, "bulkShare": 2}, [("minIntervalMs", "INVALID_VALUE"), ("bulkShare", "INVALID_VALUE")]),
        ({"quietHours": {"from": "25:00", "to": "08:00"}}, [("quietHours.from", "INVALID_VALUE"), ("quietHours.zone", "REQUIRED")]),
        ({"quietHours": {"from": "22:00", "to": "08:00", "zone": "Mars/Base"}}, [("quietHours.zone", "INVALID_VALUE")]),
        ({"quietHours": []}, [("quietHours", "WRONG_TYPE")]),
    ],
)  # fmt: skip
async def test_a_bad_account_is_refused_with_every_path_and_nothing_is_stored(
    idle: Rest, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    answer = await idle.post(ROOT, body)
    assert (answer.status_code, problems(answer)) == (422, expected)
    assert (await idle.get(ROOT)).json()["data"]["items"] == []


async def test_a_word_that_a_field_does_not_know_is_answered_with_those_that_it_knows(idle: Rest) -> None:
    body = {
        "onUnknown": "GUESS",
        "bindings": [{**FIRST, "standby": "HOTTER"}],
        "budgets": [{"per": "WEEK", "limit": 1}],
    }
    answers = [await idle.post(ROOT, body), await idle.post("/api/webhooks", {"url": "https://a.b/", "events": ["x"]})]
    told = {problem["path"]: problem["message"] for answer in answers for problem in answer.json()["errors"]}
    assert told == {
        "onUnknown": "must be one of HOLD, FAIL, RESEND",
        "bindings[0].standby": "must be one of HOT, WARM, COLD",
        "budgets[0].per": "must be one of MINUTE, HOUR, DAY",
        "events[0]": "must be one of " + ", ".join(sorted(SUBSCRIBABLE)),
    }


async def test_a_list_is_narrowed_and_paged(idle: Rest) -> None:
    await idle.accept()
    for name in ("a", "b", "c"):
        await created(idle, accountId=name, pools=["vip"] if name != "b" else [], enabled=name != "c")
    await idle.post(f"{ROOT}/a/bindings", SPARE)
    listed: list[str] = []
    params: dict[str, Any] = {"limit": 2}
    while params.get("cursor", "") is not None:
        data = (await idle.get(ROOT, params=params)).json()["data"]
        listed += [account["accountId"] for account in data["items"]]
        params["cursor"] = data["nextCursor"]
    assert listed == ["a", "b", "c"]
    for query, expected in {
        "pool=vip": ["a", "c"], "enabled=false": ["c"], "guid=spare": ["a"], f"providerCode={BACKUP}": ["a"],
        "pool=vi": [], "enabled=true&pool=vip": ["a"],
    }.items():  # fmt: skip
        items = (await idle.get(f"{ROOT}?{query}")).json()["data"]["items"]
        assert [account["accountId"] for account in items] == expected, query
    for query in ("enabled=1", "cursor=a", "limit=0", "colour=red"):
        assert (await idle.get(f"{ROOT}?{query}")).status_code == 422, query


async def test_a_registered_guid_sends_as_its_account_at_once(rest: Rest) -> None:
    await created(rest, accountId="sales", onUnknown="FAIL", bindings=[FIRST])
    message = (await rest.get(f"/api/messages/{await rest.sent(guid=GUID)}")).json()["data"]
    assert (message["accountId"], message["guid"], message["onUnknown"]) == ("sales", GUID, "FAIL")
    (attempt,) = message["attempts"]
    assert attempt["decision"]["chosen"] == f"bind:{PROVIDER}:{GUID}"
    named = (await rest.post(SEND, {**TEXT, "guid": None, "accountId": "sales", "onUnknown": "HOLD"})).json()["data"]
    message = (await rest.get(f"/api/messages/{named['messageId']}")).json()["data"]
    assert (message["accountId"], message["onUnknown"]) == ("sales", "HOLD")


async def test_registering_a_guid_takes_its_account_and_history_over(rest: Rest) -> None:
    before = await rest.sent(guid="old")
    (implicit,) = (await rest.get(f"{ROOT}?includeImplicit=true")).json()["data"]["items"]
    assert (implicit["accountId"], implicit["implicit"], implicit["version"]) == ("guid:old", True, 0)
    other = await rest.post(ROOT, {"accountId": "sales", "bindings": [{"providerCode": PROVIDER, "guid": "old"}]})
    assert other.status_code == 409
    assert "guid:old" in other.json()["errors"][0]["message"]
    account = await created(rest, name="Sales", bindings=[{"providerCode": PROVIDER, "guid": "old"}, SPARE])
    assert (account["accountId"], account["implicit"], account["version"]) == ("guid:old", False, 1)
    after = await rest.sent(guid="old")
    items = (await rest.get("/api/messages?accountId=guid:old")).json()["data"]["items"]
    assert {item["messageId"] for item in items} == {before, after}


async def test_the_account_of_the_longest_guid_can_be_named_everywhere(idle: Rest) -> None:
    guid = "g" * 128
    name = (await created(idle, bindings=[{"providerCode": PROVIDER, "guid": guid}]))["accountId"]
    columns = [tables.account.c.account_id, tables.message.c.account_id, pause.c.id]
    assert [getattr(column.type, "length", None) for column in columns] == [MAX_ACCOUNT_ID] * 3
    sent = await idle.post(ASYNC, {**TEXT, "guid": None, "accountId": name})
    assert sent.status_code == 202
    assert len((await idle.get(f"/api/messages?accountId={name}")).json()["data"]["items"]) == 1
    replay = {"accountId": name, "cause": "EXPIRED", "dryRun": True}
    assert (await idle.post("/message/api/dead-letters/replay", replay)).status_code < 300
    assert (await idle.get(f"/api/dead-letters?accountId={name}")).status_code == 200
    assert (
        await idle.post("/message/api/control/pause", {"scope": "ACCOUNT", "id": name, "by": "me"})
    ).status_code < 300
    refused = await idle.post(ASYNC, {**TEXT, "guid": None, "accountId": "a" * (MAX_ACCOUNT_ID + 1)})
    assert problems(refused) == [("accountId", "INVALID_VALUE")]


async def test_a_disabled_account_refuses_sends_and_holds_what_waits(rest: Rest) -> None:
    await created(rest, accountId="sales", bindings=[FIRST])
    later = await rest.accept(guid=GUID, scheduledAt="2025-06-15T15:06:41Z")
    assert (await put(rest, "sales", {"enabled": False})).status_code == 200
    refused = await rest.post(ASYNC, {**TEXT, "guid": GUID})
    assert (refused.status_code, refused.json()["error"], problems(refused)) == (
        409, "ACCOUNT_DISABLED", [("guid", "INVALID_VALUE")],
    )  # fmt: skip
    batch = (await rest.post(BATCH, {"messages": [{**TEXT, "guid": GUID}, TEXT]})).json()["data"]
    assert (batch["accepted"], batch["items"][0]["error"]) == (1, "ACCOUNT_DISABLED")
    assert (await rest.post(EXPLAIN, {**TEXT, "guid": None, "accountId": "sales"})).status_code == 409
    await pass_time(rest)
    held = await rest.reaches(later, "HELD")
    assert held["reason"] == "ACCOUNT_DISABLED"
    await put(rest, "sales", {"enabled": True})
    await pass_time(rest)
    assert (await rest.reaches(later, "SENT"))["success"] is True


async def test_explain_shows_candidates_filters_and_the_choice_and_stores_nothing(idle: Rest) -> None:
    await created(idle, accountId="sales", bindings=[FIRST, SPARE, {**FIRST, "guid": "third", "priority": 3}])
    explained = (await idle.post(EXPLAIN, {**TEXT, "guid": GUID})).json()["data"]
    by_guid = {candidate["guid"]: candidate for candidate in explained["candidates"]}
    assert (explained["chosen"], explained["reason"]) == (f"bind:{PROVIDER}:{GUID}", "ONLY_CANDIDATE")
    assert (by_guid["spare"]["excluded"], by_guid["third"]["excluded"]) == ("STANDBY", "LOWER_TIER")
    assert by_guid[GUID]["score"] > 0.5
    pinned = (await idle.post(EXPLAIN, {**TEXT, "guid": "spare", "pin": "binding"})).json()["data"]
    assert (pinned["chosen"], pinned["reason"]) == (None, "STANDBY_ONLY")
    implicit = (await idle.post(EXPLAIN, TEXT)).json()["data"]
    assert implicit["chosen"] == f"bind:{PROVIDER}:{TEXT['guid']}"
    mixed = {name: value for name, value in TEXT.items() if name != "content"}
    part = {"messageType": "TEXT", "content": "a"}
    assert (await idle.post(EXPLAIN, {**mixed, "messageType": "MIXED", "parts": [part, part]})).status_code == 200
    assert (await idle.get("/api/messages")).json()["data"]["items"] == []
    assert problems(await idle.post(EXPLAIN, {**TEXT, "content": ""})) == [("content", "REQUIRED")]
    unknown = await idle.post(EXPLAIN, {**TEXT, "guid": None, "accountId": "nobody"})
    assert (unknown.status_code, problems(unknown)) == (422, [("accountId", "INVALID_VALUE")])


async def test_what_is_not_there_is_not_found(idle: Rest) -> None:
    assert (await idle.get(f"{ROOT}/none")).status_code == 404
    assert (await put(idle, "none", {})).status_code == 404
    assert (await idle.post(f"{ROOT}/none/bindings", FIRST)).status_code == 404
    bad = await put(idle, "none", {"bindings": []})
    assert (bad.status_code, problems(bad)) == (422, [("bindings", "UNKNOWN_FIELD")])
    assert (await idle.client.post(ROOT, content=b"{", headers={"content-type": "application/json"})).status_code == 400


async def test_a_warm_binding_is_activated_by_hand(idle: Rest) -> None:
    warm = {**FIRST, "standby": "WARM", "deviceSlot": "MAC"}
    holder = {"providerCode": PROVIDER, "guid": "holder", "deviceSlot": "MAC"}
    await created(idle, accountId="sales", bindings=[warm, holder])
    path = f"{ROOT}/sales/bindings/bind:{PROVIDER}:{GUID}/activate"
    occupied = await idle.post(path, None)
    assert (occupied.status_code, occupied.json()["error"]) == (409, "ILLEGAL_STATE")
    assert f"bind:{PROVIDER}:holder" in occupied.json()["message"]
    answer = await idle.client.post(f"{path}?demote=true")
    assert answer.status_code == 200, answer.text
    after = {binding["guid"]: binding for binding in answer.json()["data"]["bindings"]}
    assert (after[GUID]["standby"], after[GUID]["state"], after["holder"]["standby"]) == ("HOT", "ONLINE", "WARM")
    assert (await idle.post(path, None)).status_code == 409
    assert (await idle.post(f"{ROOT}/sales/bindings/none/activate", None)).status_code == 404


async def test_a_pool_sends_through_one_of_its_accounts_and_says_which(rest: Rest) -> None:
    await created(rest, accountId="a", pools=["north"], bindings=[FIRST])
    await created(rest, accountId="b", pools=["north"], bindings=[{"providerCode": PROVIDER, "guid": "second"}])
    body = {name: value for name, value in TEXT.items() if name != "guid"} | {"pool": "north"}
    sent = (await rest.post(SEND, body)).json()["data"]
    assert (sent["status"], sent["accountId"] in {"a", "b"}) == ("SENT", True)
    assert (await rest.post(ASYNC, body)).json()["data"]["accountId"] == sent["accountId"]
    assert (await rest.post(EXPLAIN, body)).json()["data"]["reason"] == "ONLY_CANDIDATE"
    unknown = await rest.post(SEND, body | {"pool": "south"})
    assert (unknown.status_code, problems(unknown)) == (422, [("pool", "INVALID_VALUE")])
    two = await rest.post(SEND, body | {"accountId": "a"})
    assert (two.status_code, problems(two)) == (422, [("pool", "INVALID_VALUE")])


async def test_what_no_account_of_a_pool_can_send_is_refused_with_the_field_and_stores_nothing() -> None:
    providers = {
        code: dataclasses.replace(provider, capabilities=Capabilities(frozenset({"IMAGE"})))
        for code, provider in a_policy().providers.items()
    }
    async with serving(a_policy(providers=providers)) as rest:
        await created(rest, accountId="a", pools=["north"], bindings=[FIRST])
        body = {name: value for name, value in TEXT.items() if name != "guid"} | {"pool": "north"}
        for path in (SEND, ASYNC, EXPLAIN):
            answer = await rest.post(path, body)
            assert (answer.status_code, answer.json()["error"]) == (422, "NO_CAPABILITY")
            assert problems(answer) == [("pool", "INVALID_VALUE")]
        batch = await rest.post(BATCH, {"messages": [body]})
        assert (batch.status_code, problems(batch)) == (422, [("messages[0].pool", "INVALID_VALUE")])
        assert rest.in_memory_app.stored() == 0
