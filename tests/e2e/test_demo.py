import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from wework_message.demo.failover import STREAM
from wework_message.demo.files import CUSTOMERS
from wework_message.demo.processes import Child
from wework_message.demo.script import read_script
from wework_message.entrypoints.cli.failure import CommandFailedError

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SCRIPT = Path(__file__).parents[2] / "examples" / "messages.jsonl"


def demo(tmp_path: Path, *args: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "wework_message", "demo", *args],
        cwd=tmp_path, env=os.environ | {"TMPDIR": str(tmp_path)} | environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_the_demo_keeps_every_promise_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # A setting of the caller's shell must not reach the demo's service.
    run = demo(tmp_path, SPRING_PROFILES_ACTIVE="prod", SERVER_CONTEXT_PATH="/elsewhere")
    shown, _ = run.communicate()
    assert run.returncode == 0, shown
    messages = sum(step.repeat or len(step.expect.calls) for step in read_script(None))
    assert f"OK  {messages} messages" in shown
    assert f"OK  {2 * CUSTOMERS} pictures of 2 files: each file was uploaded to the provider once" in shown
    assert f"OK  {STREAM} messages of an account at two providers" in shown
    for row in (
        r"text\s+TEXT\s+sync\s+DELIVERED\s+1\s+\d+\s+\d+",
        r"200 DELIVERED",
        r"same id as order",
        r"refused 422",
        r"dead for a moment\s+3\s+0\s+3\s+3\s+0\s+0\s+3",
        r"runs again\s+5\s+5\s+0\s+5\s+0\s+0\s+0",
        r"sales-desktop\s+GUANGZHOU_GUXING\s+-\s+TURNED_AWAY",
    ):
        assert re.search(row, shown), row
    assert re.search(r"^Next$(\n {4}wework-message .+){3}\n\Z", shown, re.MULTILINE)
    for kind in ("ACCEPTED", "ATTEMPT_ENDED", "RECALL_ASKED", "REVOKED"):
        assert kind in shown
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_not_as_expected_is_named_and_kept(tmp_path: Path) -> None:
    script = tmp_path / "wrong.jsonl"
    first = SCRIPT.read_text("utf-8").splitlines()[0]
    script.write_text(first.replace("/msg/send_text", "/msg/send_image"), "utf-8")
    run = demo(tmp_path, "--messages", str(script))
    shown, _ = run.communicate()
    assert run.returncode == 1, shown
    assert "text: executed as ('/msg/send_text'" in shown
    match = re.search(r"are kept in (\S+)", shown)
    assert match is not None
    assert {"simulator-ledger.jsonl", "wework-message.db", "service.out", "simulator.err"} <= {
        path.name for path in Path(match[1]).iterdir()
    }


def test_a_process_that_ends_at_once_is_reported_with_its_last_output(tmp_path: Path) -> None:
    child = Child("service", ["nosuch"], tmp_path, {})
    with pytest.raises(CommandFailedError, match="the service ended at once with code 64") as failed:
        child.until(lambda: False)
    assert "No such command" in "\n".join(failed.value.details)


def test_an_interrupted_demo_ends_the_processes_it_started(tmp_path: Path) -> None:
    run = demo(tmp_path)
    assert run.stdout is not None
    for line in run.stdout:
        if line.startswith("service"):
            break
    children = psutil.Process(run.pid).children()
    assert len(children) == 3
    run.send_signal(signal.SIGTERM)
    run.communicate()
    assert run.returncode == 130
    ended, alive = psutil.wait_procs(children, timeout=30)
    assert (len(ended), alive) == (3, [])


def test_lost_answers_and_echoes_cost_no_duplicate_and_no_false_failure(tmp_path: Path) -> None:
    run = demo(tmp_path, "lost-ack", "--count", "50")
    printed, _ = run.communicate()
    assert run.returncode == 0, printed
    assert "settle.sync none: 50 messages" in printed
    assert "settle.sync positive: 50 messages" in printed
    assert "0 duplicates, 0 false failures" in printed
    assert list(tmp_path.iterdir()) == []
