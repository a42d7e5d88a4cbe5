"""Peer (a): the API in front of Celery.  ``uvicorn bench.peers.celery_api:app``"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.peers.api import build
from bench.peers.celery_worker import send_message


async def enqueue(message_id: int) -> None:
    send_message.delay(message_id)


@asynccontextmanager
async def around() -> AsyncIterator[None]:
    yield


app = build(enqueue, around)
