"""The official client as a program, since its import reconfigures logging and writes below HOME.

``python -m tests.support.servers.rocketmq_client ENDPOINTS TOPIC GROUP publish BODY...``, ``... offer TYPE...`` or ``... receive COUNT``
"""

import contextlib
import sys
import time

from rocketmq import (  # type: ignore[import-untyped]  # ships no types
    ClientConfiguration,
    Credentials,
    FilterExpression,
    Message,
    Producer,
    SimpleConsumer,
)

_LIMIT_S = 60.0
_LEASE_S = 60


def publish(settings: ClientConfiguration, topic: str, bodies: list[str]) -> None:
    producer = Producer(settings, topics=[topic])
    producer.startup()
    for body in bodies:
        message = Message()
        message.topic = topic
        message.body = body.encode()
        producer.send(message)
    producer.shutdown()


def offer(settings: ClientConfiguration, topic: str, kinds: list[str]) -> None:
    """Send a message of each of these types, which is its body: `delayed` by a second, `ordered`, or `plain`. Print those that were taken."""
    producer = Producer(settings, topics=[topic])
    producer.startup()
    for kind in kinds:
        message = Message()
        message.topic = topic
        message.body = kind.encode()
        if kind == "delayed":
            message.delivery_timestamp = int(time.time()) + 1
        elif kind == "ordered":
            message.message_group = "one"
        with contextlib.suppress(Exception):  # whatever it says, it was not taken
            producer.send(message)
            print(kind)  # noqa: T201 - the answer to the test that started this
    producer.shutdown()


def receive(settings: ClientConfiguration, topic: str, group: str, count: int) -> None:
    """Print the distinct bodies, sorted, once there are `count`."""
    consumer = SimpleConsumer(settings, group, {topic: FilterExpression("*")}, await_duration=5)
    consumer.startup()
    limit = time.monotonic() + _LIMIT_S
    bodies: set[str] = set()
    while len(bodies) < count:
        try:
            messages = consumer.receive(16, _LEASE_S)
        except Exception:  # the proxy knows nothing of a new consumer until its settings have arrived
            if time.monotonic() > limit:
                raise
            continue
        for message in messages:
            bodies.add(message.body.decode())
            consumer.ack(message)
        if time.monotonic() > limit:
            break
    consumer.shutdown()
    print(*sorted(bodies), sep="\n")  # noqa: T201 - the answer to the test that started this


if __name__ == "__main__":
    endpoints, topic, group, verb, *rest = sys.argv[1:]
    settings = ClientConfiguration(endpoints, Credentials())
    if verb == "publish":
        publish(settings, topic, rest)
    elif verb == "offer":
        offer(settings, topic, rest)
    else:
        receive(settings, topic, group, int(rest[0]))
