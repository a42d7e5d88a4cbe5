"""What a user would write to deliver webhooks: a Celery task on Redis with httpx.  ``celery -A bench.peers.webhook_worker worker --pool threads``

Settings by environment: DATABASE, REDIS_URL, WEBHOOK_URL, WEBHOOK_SECRET (``whsec_`` and base64).
"""

import base64
import hashlib
import hmac
import os
import time
from datetime import UTC, datetime

import httpx
from celery import Celery
from sqlalchemy import BigInteger, DateTime, String, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

SLOTS = 16

app = Celery("webhooks", broker=os.environ["REDIS_URL"])
app.conf.update(task_acks_late=True, task_ignore_result=True)

URL = os.environ["WEBHOOK_URL"]
KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))

# Both open their connections with the first task.
engine = create_engine(f"mysql+pymysql://{os.environ['DATABASE']}?charset=utf8mb4", pool_size=SLOTS)
http = httpx.Client(
    timeout=15, trust_env=False, limits=httpx.Limits(max_connections=SLOTS, max_keepalive_connections=SLOTS)
)


class Base(DeclarativeBase):
    pass


class Delivery(Base):
    __tablename__ = "deliveries"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event_id: Mapped[str] = mapped_column(String(36), unique=True)
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), index=True, default="WAITING")
    attempts: Mapped[int] = mapped_column(default=0)
    http_status: Mapped[int | None]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime)


def post(event_id: str, body: str) -> int:
    """The status."""
    timestamp, content = str(int(time.time())), body.encode()
    signature = hmac.new(KEY, f"{event_id}.{timestamp}.".encode() + content, hashlib.sha256).digest()
    headers = {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
    }
    answer = http.post(URL, content=content, headers=headers)
    answer.raise_for_status()
    return answer.status_code


@app.task(autoretry_for=(httpx.HTTPError,), retry_backoff=5, max_retries=7)
def deliver(seq: int) -> None:
    """The event of a row; how it ended is recorded."""
    with Session(engine) as session:
        delivery = session.get_one(Delivery, seq)
        delivery.attempts += 1
        delivery.http_status = post(delivery.event_id, delivery.body)
        delivery.state, delivery.ended_at = "DELIVERED", datetime.now(UTC)
        session.commit()


@app.task(autoretry_for=(httpx.HTTPError,), retry_backoff=5, max_retries=7)
def pass_on(event_id: str, body: str) -> None:
    """The event that the broker holds; nothing of it is in a table, before or after."""
    post(event_id, body)
