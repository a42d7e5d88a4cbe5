"""Peer (b): a taskiq task on a Redis stream.  ``taskiq worker bench.peers.taskiq_worker:broker``"""

import aiohttp
from bench.peers.messages import DATABASE, REDIS_URL, SEND_URL, Message, record, request_of
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from taskiq import SimpleRetryMiddleware, TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

broker = RedisStreamBroker(url=REDIS_URL).with_middlewares(SimpleRetryMiddleware(default_retry_count=3))
engine = create_async_engine(f"mysql+asyncmy://{DATABASE}?charset=utf8mb4", pool_size=20, max_overflow=30)
sessions = async_sessionmaker(engine, expire_on_commit=False)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def startup(state: TaskiqState) -> None:
    state.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def shutdown(state: TaskiqState) -> None:
    await state.http.close()
    await engine.dispose()


@broker.task(retry_on_error=True)
async def send_message(message_id: int) -> None:
    http: aiohttp.ClientSession = broker.state.http
    async with sessions() as session:
        message = await session.get_one(Message, message_id)
        async with http.post(SEND_URL, json=request_of(message)) as answer:
            answer.raise_for_status()
            record(message, await answer.json())
        await session.commit()
