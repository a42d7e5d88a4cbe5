"""The objects that kubectl makes of the Kustomize files, and helm of the chart: by the real programs."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import yaml
from tests.support.servers.plugin import REQUIRED

ROOT: Final = Path(__file__).parents[3]
KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
CHART: Final = ROOT / "deploy" / "helm" / "wework-message"
OLDEST: Final = "1.29"
"""The oldest version of Kubernetes that the objects are for."""

Document = dict[str, Any]


def program(name: str) -> str:
    """The path of kubectl or helm: what scripts/install-services has fetched, else what is in PATH.

    Where there is neither, the test is skipped, or fails if the servers of the tests are required.
    """
    pin = Path(__file__).with_name("tools.txt").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "wework-message" / f"kubernetes-{hashlib.sha256(pin).hexdigest()[:16]}"
    path = shutil.which(name, path=os.pathsep.join([str(folder), os.environ.get("PATH", "")]))
    if path is None:
        why = f"no {name} here; scripts/install-services fetches it from PyPI"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{why}, and {REQUIRED}=1", pytrace=False)
        pytest.skip(why)
    return path


@functools.cache
def kustomized(overlay: str, components: tuple[str, ...] = ()) -> tuple[Document, ...]:
    """The objects of `overlay` (a folder below deploy/kubernetes) with `components`, combined as docs/kubernetes.md says."""
    return kustomized_from(
        {
            "namespace": "wework",
            "resources": [f"../deploy/kubernetes/{overlay}"],
            "components": [f"../deploy/kubernetes/components/{entry}" for entry in components],
        }
    )


def kustomized_from(own: Mapping[str, Any]) -> tuple[Document, ...]:
    """The objects of the kustomization `own` of a folder beside deploy."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        root = os.path.relpath(ROOT, folder)
        (folder / "kustomization.yaml").write_text(json.dumps(own).replace('"../', f'"{root}/'))
        return _documents([program("kubectl"), "kustomize", str(folder)])


def templated(values: Mapping[str, Any]) -> tuple[Document, ...]:
    """The objects of the chart with `values` over its own."""
    return _templated(json.dumps(values))


@functools.cache
def _templated(values: str) -> tuple[Document, ...]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "values.json"
        file.write_text(values)
        command = [program("helm"), "template", "any", str(CHART), "--values", str(file)]
        # Without it a helm that was built by `go install` believes in Kubernetes 1.20.
        return _documents([*command, "--kube-version", OLDEST, "--api-versions", "monitoring.coreos.com/v1"])


def refusal(values: Mapping[str, Any]) -> str:
    """What helm says against `values`; fails if it takes them."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "values.json"
        file.write_text(json.dumps(values))
        command = [program("helm"), "template", "any", str(CHART), "--values", str(file), "--kube-version", OLDEST]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    return done.stderr


def _documents(command: list[str]) -> tuple[Document, ...]:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return tuple(document for document in yaml.safe_load_all(done.stdout) if document)


def of_kind(documents: Iterable[Document], *kinds: str) -> Iterator[Document]:
    return (document for document in documents if document["kind"] in kinds)


def pods(documents: Iterable[Document]) -> dict[str, Document]:
    """``kind/name`` -> labels and spec of each kind of pod."""
    named = {}
    for document in documents:
        pod = document if document["kind"] == "Pod" else document.get("spec", {}).get("template")
        if pod is not None:
            named[f"{document['kind']}/{document['metadata']['name']}"] = pod
    return named
