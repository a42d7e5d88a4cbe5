"""One message through a service that has Courier as its provider: the package is installed, so its name in the settings is enough."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from test_courier import Courier

from wework_message.testing.provider_contract import HttpProvider

SEND = {"guid": "g-1", "conversationId": "S:42", "messageType": "TEXT", "content": "hello"}


@contextmanager
def serving(folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """The URL of a service with these settings."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"SERVER_PORT": str(port), "LOGGING_FILE_NAME": "", "DATASOURCE_URL": "sqlite:///courier.db", **settings}
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ} | settings
    with subprocess.Popen([sys.executable, "-m", "wework_message", "serve"], cwd=folder, env=environ) as service:
        try:
            yield f"http://127.0.0.1:{port}/message/api"
        finally:
            service.terminate()


@pytest.mark.asyncio
async def test_a_message_goes_through_courier_exactly_once(tmp_path: Path) -> None:
    async with HttpProvider(Courier(), sends="/messages") as provider:
        first = "APP_WEWORK_PROVIDERS_FIRST_COURIER"
        settings = {
            f"{first}_PROTOCOL": "courier",
            f"{first}_API_BASE_URL": provider.url,
            f"{first}_OPTIONS": json.dumps({"token": "s3cretToken"}),
        }
        patient = httpx.AsyncHTTPTransport(retries=6)  # until the service listens
        with serving(tmp_path, settings) as url:
            async with httpx.AsyncClient(transport=patient) as client:
                sent = (await client.post(f"{url}/messages/send", json=SEND)).json()["data"]
        assert (sent["status"], sent["providerCode"], sent["providerMessageId"]) == ("SENT", "FIRST_COURIER", "c-1")
        assert provider.executed == 1
