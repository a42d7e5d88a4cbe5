"""Puts events before a Celery worker that waits, and lets it go:  ``python -m bench.peers.webhook_events deliver|pass_on COUNT BODY``

The worker takes nothing until all of them are there.
"""

import sys
import uuid

from bench.peers.webhook_worker import Base, Delivery, app, deliver, engine, pass_on
from sqlalchemy import insert, select
from sqlalchemy.orm import Session


def main() -> None:
    kind, count, body = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    queue = app.conf.task_default_queue
    app.control.cancel_consumer(queue, reply=True, timeout=5)
    ids = [str(uuid.uuid4()) for _ in range(count)]
    if kind == "deliver":
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.execute(insert(Delivery), [{"event_id": event_id, "body": body} for event_id in ids])
            session.commit()
            waiting = session.scalars(select(Delivery.seq).where(Delivery.state == "WAITING")).all()
        with app.producer_pool.acquire(block=True) as producer:
            for seq in waiting:
                deliver.apply_async((seq,), producer=producer)
    else:
        with app.producer_pool.acquire(block=True) as producer:
            for event_id in ids:
                pass_on.apply_async((event_id, body), producer=producer)
    app.control.add_consumer(queue, reply=True, timeout=5)


if __name__ == "__main__":
    main()
