"""The Pod Security Standard "restricted", as the admission of Kubernetes checks it."""

from collections.abc import Iterator
from typing import Any, Final

_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)


def objections(spec: dict[str, Any]) -> Iterator[str]:
    """What the standard has against the pod `spec`, and against a root file system that can be written, which it allows."""
    pod = spec.get("securityContext", {})
    yield from (name for name in _HOST if spec.get(name))
    for volume in spec.get("volumes", ()):
        yield from (f"volume {volume['name']}: {kind}" for kind in volume.keys() - {"name"} - _VOLUMES)
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        own = container.get("securityContext", {})
        said = [objection for objection in _of_container(pod, own) if objection]
        yield from (f"{container['name']}: {objection}" for objection in said)
        if any("hostPort" in port for port in container.get("ports", ())):
            yield f"{container['name']}: hostPort"


def _of_container(pod: dict[str, Any], own: dict[str, Any]) -> Iterator[str]:
    both = {**pod, **own}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()) or set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
        yield "runAsNonRoot"
    if both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "seccompProfile"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem"
