"""A cheap provider: it answers each send at once with a new id and, with a callback URL, echoes it.

    python -m bench.stub [--echo-to URL] [--hang GUID] [--answer-after-ms N]

Prints its port. Calls of the instance GUID are answered after 20 s only, all others at once or after N ms. `GET /` answers how many sends it took.
Echoes leave every 50 ms as 11013 batches, one post per instance, as the vendor's sync does.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections import defaultdict
from typing import Any, Final

import msgspec
import uvloop

from wework_message.adapters.http import HttpClient, Timing

WINDOW_S: Final = 0.05
HANG_S: Final = 20.0
MAX_BODY: Final = 100
"""Records of one callback."""

_encode: Final = msgspec.json.Encoder().encode


class SendText(msgspec.Struct):
    guid: str
    conversation_id: str
    content: str = ""


_decode: Final = msgspec.json.Decoder(SendText).decode


class Provider:
    """The ids, and the messages to echo."""

    def __init__(self, hanging: str | None = None, answer_after_ms: int = 0) -> None:
        self.answer_after_s = answer_after_ms / 1_000
        self.hanging = None if hanging is None else b'"guid":"%s"' % hanging.encode()
        self.ids = itertools.count(1_000_001)
        self.taken = 0
        self.echoing = False
        self.waiting: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def wait_s(self, body: bytes) -> float:
        """How long this call has to wait for its answer."""
        return HANG_S if self.hanging is not None and self.hanging in body else self.answer_after_s

    def take(self, body: bytes) -> bytes:
        ask = _decode(body)
        self.taken += 1
        number, now = str(next(self.ids)), int(time.time())
        receiver = ask.conversation_id[2:]
        if self.echoing:
            self.waiting[ask.guid].append(
                {
                    "seq": f"7{number}", "id": number, "appinfo": f"CAE{number}", "sender": "1688850000000001",
                    "receiver": receiver, "roomid": "0", "sendtime": now, "sender_name": "Example Agent",
                    "content_type": 2, "referid": "0", "flag": 16_777_216, "content": ask.content, "at_list": [],
                    "quote_content": "", "quote_appinfo": "", "send_flag": 1, "msg_type": 2,
                }
            )  # fmt: skip
        data = {
            "id": number, "seq": f"7{number}", "messagetype": 0, "sender": "1688850000000001", "receiver": receiver,
            "roomid": "0", "contenttype": 2, "content": "CggIABIECgJoaQ==", "sendtime": now, "flag": 16_777_216,
            "appinfo": f"CAE{number}",
        }  # fmt: skip
        return _encode({"error_code": 0, "error_message": "", "data": {"msg_data": data, "is_svr_fail": False}})

    async def echo(self, url: str) -> None:
        base, _, path = url.partition("/message")
        client = HttpClient(base, max_connections=8)
        while True:
            await asyncio.sleep(WINDOW_S)
            posts = []
            for guid, records in list(self.waiting.items()):
                batch, self.waiting[guid] = records[:MAX_BODY], records[MAX_BODY:]
                if batch:
                    body = _encode({"guid": guid, "notify_type": 11013, "data": batch})
                    posts.append(
                        client.post(
                            f"/message{path}",
                            body,
                            timing=Timing(30_000),
                            headers=(("content-type", "application/json"),),
                        )
                    )
            answers = await asyncio.gather(*posts)
            if any(answer.status != 200 for answer in answers):
                raise RuntimeError("a callback was refused")


class Connection(asyncio.Protocol):
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        if head.startswith(b"GET"):
            self.received = b""
            self.answer(json.dumps({"taken": self.provider.taken}).encode())
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.received = body[length:]
        if b"/msg/" in head.split(b"\r\n", 1)[0]:
            answer, wait_s = self.provider.take(body[:length]), self.provider.wait_s(body)
            if wait_s:
                asyncio.get_running_loop().call_later(wait_s, self.answer, answer)
            else:
                self.answer(answer)
        else:  # health: every instance is online
            self.answer(b'{"error_code":0,"error_message":"","data":{"status":2}}')

    def answer(self, body: bytes) -> None:
        if self.transport.is_closing():  # whoever waited for it has gone
            return
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)


async def serve(echo_to: str | None, hanging: str | None, answer_after_ms: int) -> None:
    loop = asyncio.get_running_loop()
    provider = Provider(hanging, answer_after_ms)
    server = await loop.create_server(lambda: Connection(provider), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    if echo_to is None:
        await server.serve_forever()
    provider.echoing = True
    await provider.echo(echo_to or "")


def main() -> int:
    parser = argparse.ArgumentParser(description="A fast provider")
    parser.add_argument("--echo-to", metavar="URL")
    parser.add_argument("--hang", metavar="GUID")
    parser.add_argument("--answer-after-ms", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.echo_to, arguments.hang, arguments.answer_after_ms))
    return 0


if __name__ == "__main__":
    sys.exit(main())
