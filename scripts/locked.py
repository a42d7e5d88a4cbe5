"""Read a lock file: the pinned packages, their hashes, and the packages that need them."""

import re
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")
_VIA = re.compile(r"^    #(?: via|  ) (?P<name>[A-Za-z0-9._-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One pinned package."""

    name: str
    version: str
    block: str
    """Its lines in the lock: version, marker, hashes."""
    needed_by: frozenset[str]


def read(path: Path) -> dict[str, Pin]:
    """The pins by name; raises `ValueError` where a line is neither pin, hash nor comment."""
    pins = {}
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", path.read_text(encoding="utf-8")):
        if not block.strip():
            continue
        match = _PIN.match(block)
        if match is None or "--hash=sha256:" not in block:
            raise ValueError(f"{path.name}: no pin with hashes: {block.partition(chr(10))[0]}")
        name, version = match["name"], match["version"]
        pins[name] = Pin(name, version, block, frozenset(via["name"] for via in _VIA.finditer(block)))
    return pins


def with_what_they_need(pins: dict[str, Pin], *names: str) -> list[Pin]:
    """The pins of `names` and of everything that they need, in the order of the lock."""
    chosen = set(names)
    if missing := chosen - set(pins):
        raise ValueError(f"not in the lock: {', '.join(sorted(missing))}")
    while more := {pin.name for pin in pins.values() if pin.name not in chosen and pin.needed_by & chosen}:
        chosen |= more
    return [pin for pin in pins.values() if pin.name in chosen]
