"""``make services``: run the servers until Ctrl-C, on their usual ports where those are free.

Standard output is the service's settings for them, one ``NAME=value`` a line, and nothing else.
"""

import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.servers import mariadb, redis, rocketmq
from tests.support.servers.ports import free_port

_DATABASE: Final = "wework_platform"
_POLL_INTERVAL_S: Final = 1.0


def main() -> int:
    """Run; exit code 0 after Ctrl-C or SIGTERM, 1 where a server is missing or ends by itself."""
    kinds = (mariadb.MariaDb, redis.Redis, rocketmq.RocketMq)
    if missing := [reason for kind in kinds if (reason := kind.missing())]:
        _say(f"{'; '.join(missing)}. Run scripts/install-services first.")
        return 1
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="wm-services-")))
        database = mariadb.MariaDb(folder, folder, free_port(preferred=mariadb.USUAL_PORT))
        cache = redis.Redis(folder, folder, free_port(preferred=redis.USUAL_PORT))
        queue = rocketmq.RocketMq(
            folder,
            folder,
            free_port(preferred=rocketmq.USUAL_NAME_SERVER_PORT),
            free_port(preferred=rocketmq.USUAL_PROXY_PORT),
        )
        for server in (database, cache, queue):
            _say(f"starting {server.title}")
            stack.callback(server.close)
            server.start()
            if ended.is_set():
                return 0
        lines = {
            "DATASOURCE_URL": database.create_database(_DATABASE).url,
            "REDIS_URL": cache.url,
            "ROCKETMQ_NAME_SERVER": queue.name_server.address,
            "ROCKETMQ_ENDPOINTS": queue.endpoints,
        }
        print(*(f"{key}={value}" for key, value in lines.items()), sep="\n", flush=True)  # noqa: T201 - the settings are the output
        _say(f"Ctrl-C stops all and throws the data away. Logs are in {folder}")
        while not ended.wait(_POLL_INTERVAL_S):
            for process in (database, cache, queue.name_server, queue.broker):
                if not process.running:
                    _say(f"{process.title} has ended\n{process.tail()}")
                    return 1
        _say("stopping")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a person watches


if __name__ == "__main__":
    sys.exit(main())
