"""The API of both peers: validate, store durably, enqueue, 202."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from bench.peers.messages import DATABASE, Accepted, Base, Message, SendMessage
from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine(f"mysql+asyncmy://{DATABASE}?charset=utf8mb4", pool_size=20, max_overflow=30)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


def build(
    enqueue: Callable[[int], Awaitable[None]], around: Callable[[], AbstractAsyncContextManager[None]]
) -> FastAPI:
    """The app; `around` is open while it runs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with around():
            yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/messages", status_code=202)
    async def send(request: SendMessage, session: Session) -> Accepted:
        message = Message(**request.model_dump(), status="ACCEPTED")
        session.add(message)
        try:
            await session.commit()
        except IntegrityError:
            await session.rollback()
            known = select(Message).where(Message.client_message_id == request.client_message_id)
            earlier = (await session.scalars(known)).one()
            return Accepted(message_id=earlier.id, status=earlier.status)
        await enqueue(message.id)
        return Accepted(message_id=message.id, status=message.status)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "UP"}

    return app
