"""A service that asks for keys: made, used and revoked from the command line while it runs."""

import asyncio
import os
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.support.builders.issued_tokens import AUDIENCE, ISSUER, token, write_key_set
from tests.support.polling import until
from tests.support.processes.keys import LOCKED, made_key, revoked_key
from tests.support.processes.running_service import running_service, text
from tests.support.servers.ports import free_port

pytestmark = pytest.mark.e2e


async def test_a_key_opens_the_service_until_it_is_revoked_and_no_line_has_it(tmp_path: Path) -> None:
    async with running_service(tmp_path, **LOCKED) as running:
        client, service = running.api.client, running.service
        assert (await client.post("/api/messages/send/async", json=text())).status_code == 401
        reader, sender = await made_key(tmp_path, "--scope", "messages:read"), await made_key(tmp_path)

        async def answers(status: int) -> bool:
            return (await client.get("/api/messages")).status_code == status

        for key in (sender, reader):  # the service may read the one before the other is made
            client.headers["Authorization"] = f"Bearer {key}"
            await until(lambda: answers(200), 5.0)
        refused = await client.post("/api/messages/send/async", json=text())
        assert (refused.status_code, refused.json()["message"]) == (403, "this needs the scope messages:send")

        file = tmp_path / "key"
        file.write_text(sender)
        file.chmod(0o600)
        sent = await _command(
            tmp_path, "send", "--guid", "test-guid", "--to", "S:12345", "--text", "hello",
            "--url", service.url, "--key-file", str(file),
        )  # fmt: skip
        assert "SENT" in sent or "DELIVERED" in sent
        (message,) = (await client.get("/api/messages")).json()["data"]["items"]
        await running.api.reaches(message["messageId"], "DELIVERED")

        await revoked_key(tmp_path, reader)
        await until(lambda: answers(401), 5.0)
        client.headers["Authorization"] = f"Bearer {sender}"
        assert await answers(200)
        assert "wm_security_open 0.0" in (await client.get("/actuator/prometheus")).text
        lines = "\n".join(service.lines())
    for key in (reader, sender):
        assert key.split("_")[3] not in lines


async def test_metrics_of_both_ports_are_for_who_may_see_them_and_tokens_of_the_issuer_are_taken(
    tmp_path: Path,
) -> None:
    issuer = {
        "SECURITY_JWT_ISSUER": ISSUER, "SECURITY_JWT_AUDIENCE": AUDIENCE,
        "SECURITY_JWT_KEY_SET": str(write_key_set(tmp_path / "keys.json")),
    }  # fmt: skip
    port = free_port()
    settings = {**LOCKED, **issuer, "SECURITY_METRICS": "keys", "MANAGEMENT_SERVER_PORT": str(port)}
    async with running_service(tmp_path, **settings) as running:
        now_s = int(time.time())
        reader, scraper = token(now_s, scope="messages:read"), token(now_s, scope="metrics")
        api = running.api.client
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as operating:
            for client in (api, operating):
                seen = [
                    (await client.get("/actuator/prometheus", headers=shown)).status_code
                    for shown in ({}, {"Authorization": f"Bearer {reader}"}, {"Authorization": f"Bearer {scraper}"})
                ]
                assert seen == [401, 403, 200]
                assert (await client.get("/actuator/health/liveness")).status_code == 200
            assert (await operating.get("/api/messages")).status_code == 404
        assert (await api.get("/api/messages", headers={"Authorization": f"Bearer {reader}"})).status_code == 200
        assert (await api.get("/api/messages", headers={"Authorization": f"Bearer {reader}="})).status_code == 401


async def _command(folder: Path, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH"}}
    ended = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wework_message", *arguments, cwd=folder, env=environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await ended.communicate()
    assert ended.returncode == 0, output.decode()
    return output.decode()
