"""What the doctor says about the spool, and what a process does with its settings."""

from pathlib import Path

import pytest
from tests.contracts.spool_contract import an_answer

from wework_message.adapters.spool.files import FileAnswerSpool
from wework_message.bootstrap import spool
from wework_message.bootstrap.settings.sending import SpoolSettings
from wework_message.bootstrap.spool import open_spool, spool_check
from wework_message.domain.ports.checks import Finding, Verdict


def settings_in(folder: Path) -> SpoolSettings:
    return SpoolSettings(directory=str(folder / "var" / "spool"))


async def checked(settings: SpoolSettings) -> Finding:
    return await spool_check(settings).ask()


async def test_without_answers_all_is_well_and_nothing_is_made(tmp_path: Path) -> None:
    async with open_spool(settings_in(tmp_path)):
        assert (await checked(settings_in(tmp_path))).verdict is Verdict.OK
    assert not Path(settings_in(tmp_path).directory).parent.exists()


async def test_answers_that_wait_are_a_warning_as_are_damaged_records(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with open_spool(settings) as opened:
        await opened.keep(an_answer())
        waiting = await checked(settings)
    assert (waiting.verdict, waiting.text) == (Verdict.WARNING, "1 answers wait to be recorded")
    (Path(settings.directory) / "old.damaged").write_bytes(b"nonsense\n")
    assert (await checked(settings)).text == "1 answers wait to be recorded, 1 are damaged"
    taking = FileAnswerSpool(Path(settings.directory))
    (answer,) = await taking.take_over()
    await taking.forget(answer)
    await taking.close()
    assert (await checked(settings)).text == "0 answers wait to be recorded, 1 are damaged"


async def test_a_folder_that_cannot_be_made_or_read_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").touch()
    assert f"{tmp_path / 'var'} is no folder" in (await checked(settings_in(tmp_path))).text

    def fails(_: SpoolSettings) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(spool, "spooled_answers", fails)
    assert "cannot be read" in (await checked(SpoolSettings(directory=str(tmp_path)))).text
