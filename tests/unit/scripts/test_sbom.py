"""The software bill of materials: complete, and the same bytes for the same lock. `make sbom` asks the schema."""

from typing import Any

import pytest
from scripts import locked, sbom
from scripts.licences import licence_of

from wework_message import __version__


@pytest.fixture(scope="module")
def pins() -> dict[str, locked.Pin]:
    return locked.read(sbom.LOCK)


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return sbom.read_lock(sbom.LOCK)


@pytest.fixture(scope="module")
def document(raw: dict[str, Any], pins: dict[str, locked.Pin]) -> dict[str, Any]:
    return sbom.completed(raw, pins, {name: licence_of(name) for name in pins}, __version__)


def test_it_names_every_package_of_the_image_with_hashes_and_licence(
    document: dict[str, Any], pins: dict[str, locked.Pin]
) -> None:
    by_name = {component["name"]: component for component in document["components"]}
    assert {name: component["version"] for name, component in by_name.items()} == {
        name: pin.version for name, pin in pins.items()
    }
    for name, component in by_name.items():
        hashes = {entry["content"] for reference in component["externalReferences"] for entry in reference["hashes"]}
        assert all(content in pins[name].block for content in hashes)
        assert len(hashes) == pins[name].block.count("--hash=sha256:")
        assert component["licenses"][0]["expression"]
    assert "GPL-2.0-or-later" in by_name["av"]["properties"][0]["value"]


def test_it_says_who_needs_whom_and_every_package_is_needed(document: dict[str, Any]) -> None:
    root = document["metadata"]["component"]
    assert (root["name"], root["version"]) == ("wework-message", __version__)
    needs = {entry["ref"]: entry["dependsOn"] for entry in document["dependencies"]}
    references = {component["bom-ref"] for component in document["components"]}
    assert set(needs) == references | {root["bom-ref"]}
    assert {reference for others in needs.values() for reference in others} == references
    assert any(reference.startswith("pkg:pypi/litestar@") for reference in needs[root["bom-ref"]])


def test_nothing_in_it_depends_on_time_or_chance(document: dict[str, Any]) -> None:
    assert "serialNumber" not in document
    assert "timestamp" not in document["metadata"]
    assert document["components"] == sorted(document["components"], key=lambda component: str(component["bom-ref"]))
