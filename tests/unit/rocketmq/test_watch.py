"""The watch of a cluster that accepts connections and never answers."""

import asyncio

from tests.support.polling import until

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.cluster_watch import ClusterWatch
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics


async def test_a_stop_does_not_wait_for_a_cluster_that_does_not_answer() -> None:
    silent = asyncio.Event()
    connected = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        watch = ClusterWatch(
            Admin([(host, port)] * 100), [], [], [("topic", "group")], QueueMetrics(), creates=True, tried=lambda: None
        )
        running = asyncio.create_task(watch.run())

        async def is_connected() -> bool:
            return connected > 0

        await until(is_connected)
        await watch.stop(0)
        await running
        assert connected == 1
        silent.set()
