"""A provider's protocol is a package of its own; no other part of the service names it."""

import re
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parents[2] / "src" / "wework_message"
OWN_PACKAGES: Final = ("adapters/guxing/", "simulator/")
"""The protocol, and the imitation of its provider."""

MAY_NAME_IT: Final = {
    "bootstrap/protocols.py": "the list of our own protocols",
    "bootstrap/settings/effective.py": "the default settings",
    "bootstrap/settings/providers.py": "the default settings",
    "entrypoints/cli/commands/simulate.py": "the command that starts the imitation",
    "demo/processes.py": "sets the address of the provider of the default settings",
}


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_its_package_and_the_default_settings_name_a_protocol(module: Path) -> None:
    place = module.relative_to(PACKAGE).as_posix()
    if not place.startswith(OWN_PACKAGES) and place not in MAY_NAME_IT:
        assert not re.search("guxing", module.read_text(encoding="utf-8"), re.IGNORECASE)
