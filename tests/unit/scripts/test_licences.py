from collections.abc import Callable
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError
from typing import Any, cast

import pytest
from scripts import licences
from scripts.licences import Licence, expression_of, is_allowed, licence_of, problems

OSI = "License :: OSI Approved :: "


def installed(**fields: str) -> Callable[[str], Distribution]:
    class Installed:
        metadata = Message()
        files = ()

    for name, value in fields.items():
        Installed.metadata[name.replace("_", "-")] = value
    return lambda _: cast("Distribution", cast("Any", Installed))


def absent(name: str) -> Distribution:
    raise PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("fields", "classifiers", "expression"),
    [
        ({"License-Expression": "MIT AND PSF-2.0", "License": "GPL"}, [], "MIT AND PSF-2.0"),
        ({}, [f"{OSI}MIT License", "Topic :: Office"], "MIT"),
        ({}, [f"{OSI}MIT License", f"{OSI}Apache Software License"], "Apache-2.0 AND MIT"),
        ({"License": "MIT"}, [f"{OSI}GNU General Public License v3 (GPLv3)"], ""),
        ({}, [f"{OSI}MIT License", f"{OSI}GNU General Public License v3 (GPLv3)"], ""),
        ({"License": "Apache-2.0"}, [], "Apache-2.0"),
        ({"License": "3-Clause BSD License"}, [], "BSD-3-Clause"),
        ({"License": "MIT License\n\nCopyright"}, [], "MIT"),
        ({"License": "a licence of our own"}, [], ""),
        ({}, [], ""),
    ],
)
def test_the_licence_is_what_is_declared_and_else_unknown(
    fields: dict[str, str], classifiers: list[str], expression: str
) -> None:
    assert expression_of(fields, classifiers) == expression


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later OR SSPL-1.0", False),
        ("(MIT OR ISC) AND BSD-2-Clause", False),
        ("MIT WITH Something", False),
        ("", False),
    ],
)
def test_one_alternative_with_all_that_it_demands_is_allowed(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_a_package_is_known_by_what_it_says_and_else_by_its_name_here() -> None:
    assert licence_of("any", installed(License_Expression="MIT")) == Licence("any", "MIT", allowed=True)
    assert licence_of("any", absent) == Licence("any", "", allowed=False)
    assert licence_of("colorama", absent).allowed
    assert licence_of("colorama", installed(License_Expression="GPL-3.0-only")).allowed is False


def test_everything_that_is_wrong_is_one_line() -> None:
    read = [
        Licence("a", "MIT", allowed=True),
        Licence("b", "GPL-3.0-only", allowed=False),
        Licence("c", "", allowed=False),
    ]
    assert problems(read, ["a"], named=["gone"], known=["d"]) == [
        "a: it carries libraries of others, which nobody has looked at",
        "b: GPL-3.0-only is not allowed",
        "c: its licence is not known",
        "d: it is named as carrying libraries, and does not",
        "gone: it is named, and not locked",
    ]


def test_all_that_is_locked_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main([]) == 0
    assert capsys.readouterr().err == ""
    assert licences.main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len(licences.locked_names())
    assert [line for line in listed if line.startswith("av ") and "GPL-2.0-or-later" in line]
