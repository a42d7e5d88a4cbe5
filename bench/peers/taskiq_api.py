"""Peer (b): the API in front of taskiq.  ``uvicorn bench.peers.taskiq_api:app``"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.peers.api import build
from bench.peers.taskiq_worker import broker, send_message


async def enqueue(message_id: int) -> None:
    await send_message.kiq(message_id)


@asynccontextmanager
async def around() -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


app = build(enqueue, around)
