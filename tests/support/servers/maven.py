"""Jars of servers, which scripts/install-services has Maven resolve."""

import hashlib
import os
import shutil
from pathlib import Path


def classpath(name: str) -> Path:
    """The file to which scripts/install-services writes the jars of ``NAME-pom.xml``."""
    pom = Path(__file__).with_name(f"{name}-pom.xml")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    content = hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    return cache / "wework-message" / f"{name}-{content}.classpath"


def missing(name: str) -> str | None:
    """Why this machine cannot start a server of these jars, or None."""
    if not shutil.which("java"):
        return "no java in PATH"
    jars = classpath(name).read_text().split(":") if classpath(name).exists() else []
    if not jars or not all(map(os.path.exists, jars)):
        return "its jars are not resolved"
    return None
