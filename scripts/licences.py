"""The licences of the locked packages, checked against those that may be passed on with the service.

They are read from what is installed; a package of other systems or of older versions of Python is named here with its licence.
Exit 0: every one is allowed, or named with its reason. Exit 1: one is not, or is not known. `--list` prints all of them.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from scripts import locked

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = tuple(ROOT / "requirements" / f"{name}.lock" for name in ("dev", "server", "build"))

ALLOWED: Final = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0",
        "Unlicense",
    }
)  # fmt: skip
"""SPDX identifiers. Of MPL-2.0 changed files must be published; we change none. The Unlicense gives to the public domain: parts of pycryptodome."""

NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "async-timeout": ("Apache-2.0", "for Python before 3.11.3 only, so not installed here"),
    "colorama": ("BSD-3-Clause", "for Windows only, so not installed here"),
    "kubernetes-validate": ("Apache-2.0", "its metadata say Apache; its LICENSE is the Apache License 2.0"),
    "rocketmq-python-client": ("Apache-2.0", "its metadata say nothing; its LICENSE is the Apache License 2.0"),
}
"""Packages whose licence cannot be read: the licence, and why it is known."""

BUNDLED: Final[Mapping[str, str]] = {
    "av": "FFmpeg with x264 and x265, GPL-2.0-or-later: whoever passes on an image with the extra media passes them on, too",
    "pillow": "libjpeg-turbo, libtiff, libwebp, FreeType and others, all permissive",
}
"""Packages whose wheels carry libraries of others, and under which licences."""

_CLASSIFIERS: Final = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_OSI: Final = "License :: OSI Approved :: "
_TEXTS: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "MIT License": "MIT",
}
"""Spellings of the field `License` that are no identifiers."""


@dataclass(frozen=True)
class Licence:
    """The licence of one package."""

    package: str
    expression: str
    """Of SPDX; empty = not known."""
    allowed: bool
    reason: str = ""
    """Why it is known all the same."""


def expression_of(metadata: Mapping[str, str], classifiers: Iterable[str]) -> str:
    """The licence as SPDX spells it: what the package declares, else its classifiers, else its field `License`; empty = unknown."""
    if declared := metadata.get("License-Expression"):
        return declared
    named = [_CLASSIFIERS.get(name.removeprefix(_OSI), "") for name in classifiers if name.startswith(_OSI)]
    if named:
        return " AND ".join(sorted(set(named))) if all(named) else ""
    line = (metadata.get("License") or "").strip().partition("\n")[0].strip()
    return _TEXTS.get(line, line) if line in _TEXTS or line in ALLOWED else ""


def is_allowed(expression: str) -> bool:
    """Whether one of the alternatives, and all that it demands, are allowed. Parentheses are not read, so not allowed."""
    return any(
        all(part.strip() in ALLOWED for part in alternative.split(" AND ")) for alternative in expression.split(" OR ")
    )


def licence_of(package: str, find: Callable[[str], Distribution] = distribution) -> Licence:
    """What is known of one package."""
    try:
        metadata = find(package).metadata
    except PackageNotFoundError:
        expression = ""
    else:
        fields = {key: metadata[key] for key in ("License-Expression", "License") if key in metadata}
        expression = expression_of(fields, metadata.get_all("Classifier") or ())
    if not expression and package in NAMED:
        expression, reason = NAMED[package]
        return Licence(package, expression, is_allowed(expression), reason)
    return Licence(package, expression, is_allowed(expression))


def bundles(package: str, find: Callable[[str], Distribution] = distribution) -> bool:
    """Whether the installed package carries shared libraries of others, as the tools put them into wheels."""
    try:
        files = find(package).files or ()
    except PackageNotFoundError:
        return False
    return any(file.parts[0].endswith((".libs", ".dylibs")) for file in files)


def problems(
    licences: Iterable[Licence], bundling: Iterable[str], named: Iterable[str] = NAMED, known: Iterable[str] = BUNDLED
) -> list[str]:
    """Everything that is wrong, one line each."""
    read = {licence.package: licence for licence in licences}
    wrong = [
        f"{licence.package}: {f'{licence.expression} is not allowed' if licence.expression else 'its licence is not known'}"
        for licence in read.values()
        if not licence.allowed
    ]
    wrong += [f"{name}: it is named, and not locked" for name in named if name not in read]
    wrong += [
        f"{name}: it carries libraries of others, which nobody has looked at" for name in set(bundling) - set(known)
    ]
    wrong += [f"{name}: it is named as carrying libraries, and does not" for name in set(known) - set(bundling)]
    return sorted(wrong)


def locked_names() -> list[str]:
    """Every locked package, sorted. Raises `ValueError` where a lock cannot be read."""
    return sorted({name for lock in LOCKS for name in locked.read(lock)})


def main(arguments: list[str]) -> int:
    """Print one line, or with `--list` one for each package; the exit code."""
    licences = [licence_of(name) for name in locked_names()]
    if "--list" in arguments:
        for licence in licences:
            more = "; ".join(filter(None, (licence.reason, BUNDLED.get(licence.package))))
            print(f"{licence.package:40}{licence.expression:30}{more}".rstrip())
        return 0
    wrong = problems(licences, [licence.package for licence in licences if bundles(licence.package)])
    for line in wrong:
        sys.stderr.write(f"licences: {line}\n")
    counts = Counter(licence.expression or "unknown" for licence in licences)
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    print(f"licences: {len(licences)} locked packages, {len(NAMED)} of them named here: {shown}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
