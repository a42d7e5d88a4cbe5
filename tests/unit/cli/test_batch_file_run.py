"""Results and intents of a run: what a kill leaves behind, and when a run may go on."""

import io
import json
from pathlib import Path
from typing import Any, Final

import pytest

from wework_message.entrypoints.cli.batch_file.lines import FileFormat
from wework_message.entrypoints.cli.batch_file.run import (
    KEY_LIFETIME_MS,
    ItemResult,
    Source,
    intents_of,
    open_run,
)
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

URL: Final = "http://service/message"
T0: Final = 1_800_000_000_000
SOURCE: Final = Source.of(io.BytesIO(b"{}\n" * 10), FileFormat.JSONL)


def sent(line: int) -> ItemResult:
    return ItemResult(line=line, client_message_id=f"k{line}", message_id=f"m{line}", status="QUEUED")


def refused(results: Path, *, source: Source = SOURCE, url: str = URL, now: int = T0) -> str:
    with pytest.raises(CommandFailedError) as failure, open_run(results, source, url=url, now=now):
        pass
    assert failure.value.code is ExitCode.REFUSED
    return failure.value.message


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "mail.csv.results.jsonl"


def killed(results: Path, *, done: int = 3, last: int = 6, since: int = T0) -> str:
    """A run whose first request has results for `done` of its `last` lines; the id of the run."""
    with open_run(results, SOURCE, url=URL, now=since) as run:
        run.begin(last, now=since)
        run.end([sent(line) for line in range(1, done + 1)])
        return run.run_id


def test_a_source_is_known_by_its_bytes() -> None:
    assert (SOURCE.size, SOURCE.items, len(SOURCE.sha256)) == (30, 10, 64)
    assert Source.of(io.BytesIO(b"{}\n" * 9 + b"{ }\n"), FileFormat.JSONL) != SOURCE


def test_a_new_run_begins_at_the_first_line(results: Path) -> None:
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        assert (run.resumed, run.totals.last, run.is_uncertain()) == (False, 0, False)
    assert results.read_bytes() == b""
    assert intents_of(results).stat().st_size > 0


def test_a_run_goes_on_behind_its_last_result_under_the_same_keys(results: Path) -> None:
    run_id = killed(results)
    with open_run(results, SOURCE, url=URL, now=T0 + 5) as run:
        assert (run.run_id, run.resumed, run.totals.last, run.totals.accepted) == (run_id, True, 3, 3)
        assert run.key(4, "d" * 64) == f"file-{run_id}-4-{'d' * 16}"
        assert run.is_uncertain()
        assert run.begin(8, now=T0 + 5).since == T0  # lines 4 to 6 may have their keys since then
        run.end([sent(line) for line in range(4, 9)])
        assert not run.is_uncertain()
        assert run.begin(9, now=T0 + 6).since == T0 + 6


def test_what_a_kill_tore_is_cut_off(results: Path) -> None:
    killed(results)
    for file in (results, intents_of(results)):
        with file.open("ab") as torn:
            torn.write(b'{"line":4,"errors":"' + b"x" * 1_000)
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        assert run.totals.last == 3
        run.end([sent(4)])
    assert [json.loads(line)["line"] for line in results.read_text().splitlines()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "other",
    [
        Source.of(io.BytesIO(b"{}\n" * 9 + b"{ }\n"), FileFormat.JSONL),
        Source.of(io.BytesIO(b"{}\n" * 11), FileFormat.JSONL),
    ],
)
def test_another_file_is_refused(results: Path, other: Source) -> None:
    killed(results)
    assert "it has changed, or is another" in refused(results, source=other)


def test_another_reading_of_the_file_is_refused(results: Path) -> None:
    killed(results)
    other = Source(SOURCE.sha256, SOURCE.size, FileFormat.CSV, 9)
    assert refused(results, source=other) == "the file was read as jsonl before"


@pytest.mark.parametrize("later", [KEY_LIFETIME_MS + 1, -KEY_LIFETIME_MS - 1])
def test_after_the_life_of_the_keys_a_run_goes_on_only_where_nothing_is_uncertain(results: Path, later: int) -> None:
    killed(results)
    assert "lines 4 to 6 may have been accepted, so long ago" in refused(results, now=T0 + later)
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        run.begin(6, now=T0)
        run.end([sent(line) for line in range(4, 7)])
    with open_run(results, SOURCE, url=URL, now=T0 + later) as run:
        assert (run.totals.last, run.is_uncertain()) == (6, False)


def test_a_second_try_does_not_lengthen_the_life_of_the_keys(results: Path) -> None:
    killed(results)
    with open_run(results, SOURCE, url=URL, now=T0 + KEY_LIFETIME_MS) as run:
        run.begin(6, now=T0 + KEY_LIFETIME_MS)
    assert "so long ago" in refused(results, now=T0 + KEY_LIFETIME_MS + 1)


def test_another_service_does_not_know_the_keys(results: Path) -> None:
    killed(results)
    assert f"lines 4 to 6 may have been accepted by {URL}" in refused(results, url="http://other")
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        run.end([sent(line) for line in range(4, 7)])
    with open_run(results, SOURCE, url="http://other", now=T0) as run:
        assert run.totals.last == 6


def test_what_is_proven_unsent_needs_no_keys(results: Path) -> None:
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        run.prove_unsent(run.begin(6, now=T0))
    with open_run(results, SOURCE, url="http://other", now=T0 + 9 * KEY_LIFETIME_MS) as run:
        assert (run.totals.last, run.is_uncertain()) == (0, False)


def test_what_an_earlier_run_may_have_sent_is_never_proven_unsent(results: Path) -> None:
    killed(results)
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        run.prove_unsent(run.begin(6, now=T0))
    assert "so long ago" in refused(results, now=T0 + KEY_LIFETIME_MS + 1)


def test_results_that_are_not_complete_are_refused(results: Path) -> None:
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        run.begin(3, now=T0)
        run.end([sent(line) for line in range(1, 4)])
        run.begin(6, now=T0)
    lines = results.read_bytes().splitlines(keepends=True)
    results.write_bytes(b"".join(lines[:2]))
    assert "the results are not complete: those up to line 3 were written" in refused(results)
    results.unlink()
    assert "the results are not complete" in refused(results)


def test_results_that_are_not_ours_are_left_alone(results: Path) -> None:
    results.write_text("shopping\n")
    assert "it is no result of this command" in refused(results)
    assert results.read_text() == "shopping\n"
    intents_of(results).touch()
    assert "is no result of this command" in refused(results)


def test_intents_that_fit_no_results_are_refused(results: Path) -> None:
    killed(results)
    intents = intents_of(results)
    head = intents.read_bytes().splitlines(keepends=True)[0]
    for content, text in (
        (b"", "is empty"), (head, "the intents name no request"), (b"{}\n", "no intents"), (head + b"{}\n", "no intents"),
    ):  # fmt: skip
        intents.write_bytes(content)
        assert text in refused(results)


def test_results_out_of_order_are_refused(results: Path) -> None:
    killed(results)
    results.write_bytes(results.read_bytes() * 2)
    assert "the result of line 1 is behind that of line 3" in refused(results)


def test_two_processes_never_have_the_same_run(results: Path) -> None:
    with (
        open_run(results, SOURCE, url=URL, now=T0),
        pytest.raises(CommandFailedError) as failure,
        open_run(results, SOURCE, url=URL, now=T0),
    ):
        pass
    assert failure.value.code is ExitCode.TRY_AGAIN


def test_results_that_cannot_be_written_lose_nothing(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError) as failure, open_run(tmp_path / "no" / "r", SOURCE, url=URL, now=T0):
        pass
    assert failure.value.code is ExitCode.UNAVAILABLE


def test_a_disk_that_is_full_ends_the_run(results: Path) -> None:
    with open_run(results, SOURCE, url=URL, now=T0) as run:
        full: Any = open("/dev/full", "wb", buffering=0)  # noqa: PTH123, SIM115 -- closed below
        kept, run.results = run.results, full
        with pytest.raises(CommandFailedError, match="cannot be written"):
            run.end([sent(1)])
        full.close()
        run.results = kept
        assert run.totals.last == 0
