"""One look at the configurations of Nacos, by a process of its own: it may be killed, and what it imports is gone with it.

The process that asks may fork afterwards, which gRPC would not survive. The request comes by the standard input, the
answer goes to the standard output.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.shared_configuration import Document, DocumentName

DEADLINE_S: Final = 12.0
"""Of a whole look, with the start of the process."""


def fetch(server: Mapping[str, object], names: Sequence[DocumentName]) -> Sequence[Document]:
    """The configurations that exist; `server` are the fields of a `NacosServer`. Raises `UnavailableError`."""
    request = {"server": server, "names": [[name.data_id, name.group] for name in names]}
    try:
        process = subprocess.run(  # noqa: S603 -- ourselves
            [sys.executable, "-m", __name__], input=json.dumps(request).encode(), capture_output=True,
            timeout=DEADLINE_S, check=False,
        )  # fmt: skip
        answer = json.loads(process.stdout)
    except subprocess.TimeoutExpired:
        raise UnavailableError("nacos", "no answer in time") from None
    except (OSError, ValueError):
        raise UnavailableError("nacos", "the process that asks it has failed") from None
    if "problem" in answer:
        raise UnavailableError("nacos", answer["problem"])
    known = {(name.data_id, name.group): name for name in names}
    return [Document(known[data_id, group], text) for data_id, group, text in answer["documents"]]


async def _answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    # The SDK takes 0.4 s to import.
    from wework_message.adapters.nacos.configuration import NacosSharedConfiguration  # noqa: PLC0415 -- see above
    from wework_message.adapters.nacos.sdk import NacosServer  # noqa: PLC0415 -- as above

    names = [DocumentName(data_id, group) for data_id, group in request["names"]]
    configuration = NacosSharedConfiguration.at(NacosServer(**request["server"]), names)
    try:
        documents = await configuration.read()
    except UnavailableError as error:
        return {"problem": str(error).removeprefix("nacos: ")}
    finally:
        await configuration.close()
    return {"documents": [[d.name.data_id, d.name.group, d.text] for d in documents]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_answer(json.load(sys.stdin)))))
