"""The software bill of materials of a release, CycloneDX, from the lock of the image: the same bytes for the same lock.

`cyclonedx-py` reads the lock; what a lock also says is added here: who needs whom, and the licences of `scripts.licences`.
Nothing is looked up in a network. Exit 0: written to `dist/` and valid. Exit 1: it is not what the schema demands.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from scripts import locked
from scripts.licences import BUNDLED, Licence, licence_of

from wework_message import __version__

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements" / "server.lock"
PROJECT: Final = ROOT / "pyproject.toml"
DIST: Final = ROOT / "dist"
OURS: Final = "wework-message"


def read_lock(lock: Path) -> dict[str, Any]:
    """What `cyclonedx-py` makes of a lock, without anything that depends on time or chance."""
    command = [
        sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(lock), "--pyproject", str(PROJECT),
        "--output-reproducible", "--no-validate", "--of", "JSON", "--output-file", "-",
    ]  # fmt: skip
    document: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return document


def completed(
    document: Mapping[str, Any], pins: Mapping[str, locked.Pin], licences: Mapping[str, Licence], version: str
) -> dict[str, Any]:
    """`document` with the version of ours, references that do not change with a line of the lock, licences, and who needs whom."""
    root = document["metadata"]["component"] | {"version": version, "bom-ref": f"pkg:pypi/{OURS}@{version}"}
    components = [_component(component, licences[component["name"]]) for component in document["components"]]
    references = {component["name"]: component["bom-ref"] for component in components} | {OURS: root["bom-ref"]}
    needs = {
        name: sorted(references[pin.name] for pin in pins.values() if name in pin.needed_by) for name in references
    }
    return {
        **document,
        "metadata": document["metadata"] | {"component": root},
        "components": sorted(components, key=lambda component: str(component["bom-ref"])),
        "dependencies": [{"ref": references[name], "dependsOn": needs[name]} for name in sorted(references)],
    }


def _component(component: Mapping[str, Any], licence: Licence) -> dict[str, Any]:
    kept = {key: value for key, value in component.items() if key != "description"}  # the lines of the lock
    bundled = BUNDLED.get(licence.package)
    properties = [] if bundled is None else [{"name": f"{OURS}:carries", "value": bundled}]
    return {
        **kept,
        "bom-ref": component["purl"],
        "licenses": [{"expression": licence.expression}],
        **({"properties": properties} if properties else {}),
    }


def problem_of(text: str) -> str | None:
    """Why the schema refuses the document; None = it is valid."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return None if error is None else str(error)


def main() -> int:
    """Write the file and print its name; the exit code."""
    version = __version__
    pins = locked.read(LOCK)
    document = completed(read_lock(LOCK), pins, {name: licence_of(name) for name in pins}, version)
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if (problem := problem_of(text)) is not None:
        sys.stderr.write(f"sbom: {problem}\n")
        return 1
    DIST.mkdir(exist_ok=True)
    path = DIST / f"{OURS}-{version}.cdx.json"
    path.write_text(text, encoding="utf-8")
    print(f"sbom: {path.relative_to(ROOT)} names {len(document['components'])} packages", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
