"""Jars of servers and clients, which scripts/install-services has Maven resolve."""

import hashlib
import os
import shutil
from pathlib import Path


def classpath(name: str, pom: Path | None = None) -> Path:
    """The file to which scripts/install-services writes the jars of this pom, or of ``NAME-pom.xml`` here."""
    pom = pom or Path(__file__).with_name(f"{name}-pom.xml")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    content = hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    return cache / "wework-message" / f"{name}-{content}.classpath"


def missing(name: str, pom: Path | None = None) -> str | None:
    """Why this machine cannot run what needs these jars, or None."""
    if not shutil.which("java"):
        return "no java in PATH"
    known = classpath(name, pom)
    jars = known.read_text().split(":") if known.exists() else []
    if not jars or not all(map(os.path.exists, jars)):
        return "its jars are not resolved"
    return None
