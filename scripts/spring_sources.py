"""Writes tests/golden/spring-sources.json: what Spring Boot 3.2 reads in random layouts of files, variables and arguments.

Needs a JDK and Maven: python scripts/spring_sources.py [layouts]. Layouts that Spring refuses are left out.
"""

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
GOLDEN: Final = ROOT / "tests/golden/spring-sources.json"
PROJECT: Final = ROOT / "tests/java/spring-sources"
SPELLINGS: Final = {
    "server.host": ["server.host"],
    "rocketmq.name-server": [
        "rocketmq.name-server",
        "rocketmq.nameServer",
        "rocketmq.name_server",
        "rocketMQ.NAMESERVER",
    ],
    "rocketmq.group": ["rocketmq.group", "RocketMQ.group"],
    "datasource.username": ["datasource.username", "datasource.userName"],
    "app.message.mass.zone": ["app.message.mass.zone"],
}
VARIABLES: Final = {
    "server.host": ["SERVER_HOST", "server.host", "server_host"],
    "rocketmq.name-server": [
        "ROCKETMQ_NAMESERVER",
        "ROCKETMQ_NAME_SERVER",
        "rocketmq_nameserver",
        "rocketmq.name-server",
    ],
    "datasource.username": ["DATASOURCE_USERNAME", "datasource.userName"],
}
LIST: Final = "security.allowed-hosts"
MAP: Final = "app.wework.providers.x-y.outcome-codes"
EXPRESSIONS: Final = ("p", "q", "!p", "p & q", "p | q", "p & !q", "(p | q) & !r", "default", "p,r")
PLACEHOLDERS: Final = (
    "${server.host:none}",
    "${my.plain:z}",
    "a${my.pl${empty:ain}:w}",
    "${nope.x:d}",
    "${MY_PLAIN:w}",
    "${SOME:{b}}",
)
IMPORTS: Final = (
    "optional:imp.yml", "optional:file:./imp.properties", "optional:imp.yml,optional:file:./extra/", "optional:configtree:tree/",
    "optional:file:./hint[.yml]",
)  # fmt: skip
FILES: Final = (
    "application.yml", "application.properties", "config/application.yml", "config/application.properties",
    "config/a/application.yml", "config/b/application.properties", "imp.yml", "imp.properties", "extra/application.yml", "hint",
    "add/application.yml", "my.yml",
)  # fmt: skip
FILES_OF_PROFILES: Final = (
    "application-p.yml", "application-q.properties", "config/application-p.yml", "config/a/application-q.yml",
    "application-default.yml", "config/application-d.yml", "imp-p.yml", "extra/application-q.yml", "add/application-q.yml", "my-p.yml", "hint-p",
)  # fmt: skip


class Layout:
    """One random layout."""

    def __init__(self, seed: int) -> None:
        """The same one for the same seed."""
        self._random = random.Random(seed)  # noqa: S311 - it must be the same each time
        self._values = 0
        self.files = {
            name: self._text(name, for_profile=False)
            for name in FILES
            if self._chance(0.9 if name == FILES[0] else 0.3)
        }
        self.files |= {name: self._text(name, for_profile=True) for name in FILES_OF_PROFILES if self._chance(0.35)}
        if self._chance(0.3):
            self.files |= {
                "tree/rocketmq/group": "t1\n",
                "tree/my.plain": "t2\r\n",
                "tree/..data/server.host": "hidden",
            }
        self.environ = self._environ()
        self.arguments = [f"rocketmq.group={self._value()}"] if self._chance(0.15) else []
        self.arguments += ["spring.profiles.active=r"] if self._chance(0.05) else []

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _value(self) -> str:
        self._values += 1
        return f"v{self._values}"

    def _text(self, name: str, *, for_profile: bool) -> str:
        documents = [
            self._document(first=index == 0, for_profile=for_profile) for index in range(self._random.choice((1, 1, 2)))
        ]
        if name.endswith(".properties"):
            return "\n#---\n".join(
                "\n".join(f"{key}={value}" for key, value in document.items()) for document in documents
            )
        return "\n---\n".join(
            "\n".join(f"{key}: {json.dumps(value)}" for key, value in document.items()) for document in documents
        )

    def _document(self, *, first: bool, for_profile: bool) -> dict[str, str]:
        document = {"zz": "1"}
        for spellings in SPELLINGS.values():
            if self._chance(0.4):
                value = self._random.choice(PLACEHOLDERS) if self._chance(0.15) else self._value()
                document[self._random.choice(spellings)] = value
        if self._chance(0.4):
            document["my.plain"] = self._value()
        if self._chance(0.3):
            document[f"{MAP}.k{self._random.randint(1, 3)}"] = self._value()
        if self._chance(0.2):
            document[LIST] = f"{self._value()},{self._value()}"
        if self._chance(0.1 if first else 0.6):
            document["spring.config.activate.on-profile"] = self._random.choice(EXPRESSIONS)
        elif not for_profile:
            document |= self._profiles()
        if self._chance(0.25):
            document["spring.config.import"] = self._random.choice(IMPORTS)
        return document

    def _profiles(self) -> dict[str, str]:
        chosen = {
            "active": (0.25, ("p", "q", "p,q", "q,p,r")), "include": (0.15, ("r", "q,r")),
            "group.p": (0.15, ("r", "r,q")), "default": (0.08, ("q", "d")),
        }  # fmt: skip
        return {
            f"spring.profiles.{key}": self._random.choice(values)
            for key, (share, values) in chosen.items()
            if self._chance(share)
        }

    def _environ(self) -> dict[str, str]:
        environ = {"SOME": "s"}
        for forms in VARIABLES.values():
            if self._chance(0.2):
                environ |= {form: self._value() for form in self._random.sample(forms, 2)}
        chosen = {
            "SECURITY_ALLOWEDHOSTS_0": (0.1, ("e0",)), "SPRING_PROFILES_ACTIVE": (0.3, ("p", "q", "p,q", "q, p")),
            "SPRING_PROFILES_INCLUDE": (0.12, ("r", "q,r")), "SPRING_PROFILES_GROUP_Q": (0.1, ("r,p",)), "SPRING_PROFILES_DEFAULT": (0.08, ("d",)),
            "SPRING_CONFIG_LOCATION": (0.12, ("optional:add/", "optional:file:./;optional:add/", "optional:file:./,optional:add/")),
            "SPRING_CONFIG_ADDITIONALLOCATION": (0.12, ("optional:add/", "optional:my.yml", "optional:config/*/")),
            "SPRING_CONFIG_NAME": (0.08, ("my", "my,application")), "SPRING_CONFIG_IMPORT": (0.08, ("optional:imp.yml", "optional:extra/")),
            "SPRING_APPLICATION_JSON": (0.15, ('{"server": {"host": "j1"}, "rocketmq": {"nameServer": "j2"}}',)),
            "JAVA_TOOL_OPTIONS": (0.15, ("-Dserver.host=d1 -Drocketmq.nameServer=d2", "-Dspring.profiles.active=q")),
        }  # fmt: skip
        return environ | {
            key: self._random.choice(values) for key, (share, values) in chosen.items() if self._chance(share)
        }


def classes(folder: Path) -> str:
    """The class path of the program, which is compiled in `folder`."""
    output = folder / "path"
    command = ["mvn", "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={output}"]
    subprocess.run(command, cwd=PROJECT, check=True)
    source = PROJECT / "src/main/java/sources/Sources.java"
    command = ["javac", "-cp", output.read_text(), "-d", str(folder), str(source)]
    subprocess.run(command, cwd=PROJECT, check=True)
    return f"{folder}:{output.read_text()}"


def answer(layout: Layout, class_path: str) -> dict[str, str] | None:
    """What Spring reads, or None where it refuses the layout."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in layout.files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        keys = {"SOURCES_KEYS": ",".join(SPELLINGS), "SOURCES_LIST": LIST, "SOURCES_MAP": MAP}
        command = ["java", "-cp", class_path, "sources.Sources", *(f"--{argument}" for argument in layout.arguments)]
        environ = {"PATH": os.environ["PATH"], **keys, **layout.environ}
        ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        return None
    return dict(line.split("=", 1) for line in ended.stdout.splitlines() if "=" in line)


def main() -> None:
    """Ask Spring, and write what it says."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        class_path, seeds = classes(Path(folder)), itertools.count()
        while len(results) < count:
            layout = Layout(next(seeds))
            if (said := answer(layout, class_path)) is None:
                continue
            results.append(
                {"files": layout.files, "environ": layout.environ, "arguments": layout.arguments, "answer": said}
            )
    GOLDEN.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
