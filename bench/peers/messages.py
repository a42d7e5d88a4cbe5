"""The common parts of both peers: settings, table, request and answer, and the provider's call.

Settings by environment: DATABASE (``user:password@host:port/name``), REDIS_URL, PROVIDER_URL.
"""

import os
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import BigInteger, DateTime, String, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DATABASE = os.environ["DATABASE"]
REDIS_URL = os.environ["REDIS_URL"]
SEND_URL = f"{os.environ['PROVIDER_URL']}/msg/send_text"


class Base(DeclarativeBase):
    pass


class Message(Base):
    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    guid: Mapped[str] = mapped_column(String(128))
    conversation_id: Mapped[str] = mapped_column(String(128), index=True)
    message_type: Mapped[str] = mapped_column(String(32))
    content: Mapped[str] = mapped_column(Text)
    client_message_id: Mapped[str] = mapped_column(String(255), unique=True)
    priority: Mapped[int]
    duplicate_safe: Mapped[bool]
    on_unknown: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(32), index=True, default="ACCEPTED")
    attempts: Mapped[int] = mapped_column(default=0)
    provider_message_id: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(DateTime, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime, server_default=func.now(), onupdate=func.now())


class SendMessage(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    guid: Annotated[str, Field(min_length=1, max_length=128)]
    conversation_id: Annotated[str, Field(max_length=128, pattern=r"^[SR]:[0-9]+$")]
    message_type: Literal["TEXT"]
    content: Annotated[str, Field(min_length=1, max_length=4000)]
    client_message_id: Annotated[str, Field(min_length=1, max_length=255)]
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    duplicate_safe: bool = False
    on_unknown: Literal["HOLD", "FAIL", "RESEND"] = "HOLD"


class Accepted(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    message_id: int
    status: str


def request_of(message: Message) -> dict[str, Any]:
    """Body of the provider's send_text."""
    return {"guid": message.guid, "conversation_id": message.conversation_id, "content": message.content}


def record(message: Message, answer: dict[str, Any]) -> None:
    """Record the provider's answer."""
    message.attempts += 1
    if answer["error_code"] == 0:
        message.status = "SENT"
        message.provider_message_id = answer["data"]["msg_data"]["id"]
    else:
        message.status = "FAILED"
        message.error = answer["error_message"]
