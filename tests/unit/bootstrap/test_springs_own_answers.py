"""What Spring Boot 3.2 itself read in random layouts; `scripts/spring_sources.py` asked it."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from wework_message.bootstrap.settings.layers import read_layers

CASES: Final = json.loads((Path(__file__).parents[2] / "golden/spring-sources.json").read_text(encoding="utf-8"))
LIST: Final = "security.allowed-hosts"
MAP: Final = "app.wework.providers.x-y.outcome-codes"


@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_we_read_what_spring_reads(case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in case["files"].items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    layers = read_layers(case["environ"], config_dir=None, config_file=None, command_line=case["arguments"])
    answer = dict(case["answer"])
    profiles = answer.pop("profiles")
    # Profiles that count where none is active are active ones here (ADR 83).
    assert layers.profile == profiles or (not profiles and set(layers.profiles) <= {"d", "q"})
    entries = layers.with_documents(()).entries
    values: dict[str, Any] = {LIST: "", **{key: entry.value for key, entry in entries.items()}}
    values |= {f"{MAP}.{name}": text for name, text in values.pop(MAP, {}).items()}
    assert values == answer
