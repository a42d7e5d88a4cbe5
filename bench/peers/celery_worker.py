"""Peer (a): a Celery task on Redis.  ``celery -A bench.peers.celery_worker worker``"""

import requests
from bench.peers.messages import DATABASE, REDIS_URL, SEND_URL, Message, record, request_of
from celery import Celery
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

app = Celery("messages", broker=REDIS_URL)
app.conf.update(task_acks_late=True, task_ignore_result=True)

# Both open their connections with the first task, that is after the fork.
engine = create_engine(f"mysql+pymysql://{DATABASE}?charset=utf8mb4")
http = requests.Session()


@app.task(autoretry_for=(requests.ConnectionError,), retry_backoff=True, max_retries=3)
def send_message(message_id: int) -> None:
    with Session(engine) as session:
        message = session.get_one(Message, message_id)
        answer = http.post(SEND_URL, json=request_of(message), timeout=30)
        answer.raise_for_status()
        record(message, answer.json())
        session.commit()
