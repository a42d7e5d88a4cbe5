"""Each type of message: every field of the request in the body that the provider executed, and nothing else."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.builders.send_requests import EXAMPLES, GUID, PERSON
from tests.support.processes.programs import ServiceProcesses, service_processes
from tests.support.processes.running_service import Api, Json, Simulator, client_of

pytestmark = pytest.mark.e2e

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "e2e-bodies"
QUOTED: Final = EXAMPLES["QUOTE"]
_BY_ID: Final = "quoteMessageId"
_NAMED: Final = {name: value for name, value in QUOTED.items() if name != _BY_ID}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcesses]:
    """One service and one simulator for all types: a test finds its calls by their markers."""
    with service_processes(tmp_path_factory.mktemp("bodies"), "--strict-guids", "--guid", GUID) as programs:
        yield programs


@pytest.fixture
async def api(programs: ServiceProcesses) -> AsyncIterator[Api]:
    async with client_of(programs.service.url) as client:
        yield Api(client)


@pytest.fixture
async def simulator(programs: ServiceProcesses) -> AsyncIterator[Simulator]:
    async with client_of(programs.simulator.origin) as client:
        yield Simulator(client)


def exact(calls: list[Json]) -> str:
    """As text, since True equals 1 in Python; the order of fields does not count."""
    return json.dumps(calls, ensure_ascii=False, indent=2, sort_keys=True)


async def executed(api: Api, simulator: Simulator, request: Json) -> str:
    """The calls for this request in the ledger's order: path and body, as `exact` text."""
    answer = await api.send(request)
    ids = [answer["messageId"]] if "messageId" in answer else [part["messageId"] for part in answer["parts"]]
    for message_id in ids:
        await api.reaches(message_id, "DELIVERED")
    calls = [entry for entry in await simulator.ledger() if (entry["marker"] or "").split(".")[0] in ids]
    assert all(entry["executed"] for entry in calls)
    assert [entry["marker"] for entry in calls] == [f"{message_id}.1" for message_id in ids]
    return exact([{"path": entry["path"], "body": entry["body"]} for entry in calls])


def golden(name: str, accepted: int | None = None, own_user_id: str = "") -> list[Json]:
    text = (GOLDEN / f"{name}.json").read_text("utf-8")
    text = text.replace('"<accepted>"', str(accepted)).replace("<own>", own_user_id)
    calls: list[Json] = json.loads(text)
    return calls


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - {"MERGED", "QUOTE"}))
async def test_every_field_arrives(name: str, api: Api, simulator: Simulator) -> None:
    assert await executed(api, simulator, EXAMPLES[name]) == exact(golden(name))


async def test_items_of_a_record_without_a_time_bear_that_of_acceptance(api: Api, simulator: Simulator) -> None:
    own_user_id = (await api.send(EXAMPLES["TEXT"]))[
        "senderId"
    ]  # the author of what names none, once an answer has told it
    calls = await executed(api, simulator, EXAMPLES["MERGED"])
    newest = (await api.rows())[-1]
    accepted = int(datetime.fromisoformat(newest["createdAt"]).timestamp())
    assert newest["messageType"] == "MERGED"
    assert calls == exact(golden("MERGED", accepted, own_user_id))


async def test_a_quote_that_names_everything_arrives_as_it_was_named(api: Api, simulator: Simulator) -> None:
    assert await executed(api, simulator, _NAMED) == exact(golden("QUOTE"))


async def test_a_quote_of_one_of_our_messages_is_filled_from_what_we_know(api: Api, simulator: Simulator) -> None:
    original = await api.send(EXAMPLES["TEXT"] | {"content": "周五聚餐?"})
    request = {
        "guid": GUID, "conversationId": PERSON, "messageType": "QUOTE", "content": "同意", _BY_ID: original["messageId"],
    }  # fmt: skip
    expected = {
        "path": "/msg/send_quote_msg",
        "body": {
            "guid": GUID,
            "conversation_id": PERSON,
            "quote": "周五聚餐?",
            "content": "同意",
            "appinfo": base64.b64decode(original["appInfo"]).decode(),
            "content_type": 2,
            "sender": original["senderId"],
            "sender_name": "Example Agent",
            "message": {"msg_type": 2, "content": "周五聚餐?"},
            "at_list": [],
        },
    }
    assert await executed(api, simulator, request) == exact([expected])
    assert original["senderId"].startswith("168885")


async def test_a_gif_without_a_file_goes_by_its_url(api: Api, simulator: Simulator) -> None:
    by_url = _without(EXAMPLES["GIF"], "fileId", "fileSize", "aesKey")
    (call,) = golden("GIF")
    body = _without(call["body"], "file_id", "size", "aes_key")
    assert await executed(api, simulator, by_url) == exact([{"path": "/msg/send_gif_url", "body": body}])


async def test_a_file_above_20_mb_goes_without_a_key(api: Api, simulator: Simulator) -> None:
    big = _without(EXAMPLES["FILE"], "aesKey") | {"fileSize": 20_971_521}
    (call,) = golden("FILE")
    body = call["body"] | {"size": 20_971_521, "aes_key": ""}
    assert await executed(api, simulator, big) == exact([{"path": "/msg/send_file", "body": body}])


async def test_what_may_be_left_out_arrives_with_its_default(api: Api, simulator: Simulator) -> None:
    left_out = {
        "IMAGE": (("isHd",), {"is_hd": False}),
        "LINK": (("linkDescription", "linkImageUrl"), {"description": "", "image_url": ""}),
        "LOCATION": (("locationAddress", "locationZoom"), {"address": "", "zoom": 15.0}),
        "MINIPROGRAM": (("miniProgramAppIcon",), {"appicon": ""}),
        "CHANNEL_FEED": (
            ("channelThumbUrl", "channelAvatar", "channelExtras"),
            {"thumb_url": "", "avatar": "", "extras": ""},
        ),
    }
    for name, (fields, defaults) in left_out.items():
        (call,) = golden(name)
        expected = exact([{"path": call["path"], "body": call["body"] | defaults}])
        assert await executed(api, simulator, _without(EXAMPLES[name], *fields)) == expected


def _without(body: dict[str, Any], *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}
