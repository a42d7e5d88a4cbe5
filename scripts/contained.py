"""A folder as the root of a process, nearly as a container has it: by the mount namespaces of Linux, without Docker. Needs root.

The process sees the system's programs and libraries (in the place of the base image), the folders of the image, and nothing else of this machine's
files: neither this repository nor anybody's home. All of it is read-only, but the volumes and /tmp, which are in memory. It runs as any user,
without rights, and with the variables of the image alone.

This cannot show the base image itself, layers, seccomp, cgroups, and a network of its own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

_SYSTEM: Final = ("bin", "sbin", "lib", "lib32", "lib64", "usr", "etc")

_MOUNT: Final = r"""
set -eu
root=$1; base=$2; owner=$3; shift 3
mount -t tmpfs -o size=8m,mode=0755 root "$root"
for name in {system}; do
    if [ -L "/$name" ]; then cp -P "/$name" "$root/"
    elif [ -d "/$name" ]; then mkdir "$root/$name"; mount -o bind,ro "/$name" "$root/$name"; fi
done
mkdir "$root/proc" "$root/dev" "$root/tmp"
mount --bind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o size=64m,mode=1777 tmp "$root/tmp"
case $base in /usr*) ;; *) mkdir -p "$root$base"; mount -o bind,ro "$base" "$root$base" ;; esac
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount -o bind,ro "$1" "$root$1"; shift; done; shift
while [ "$1" != -- ]; do mount -t tmpfs -o "size=64m,mode=0770,uid=10001,gid=0" volume "$root$1"; shift; done; shift
work=$1; shift
mount -o remount,bind,ro "$root"
exec chroot --userspec="$owner" --groups="" "$root" /bin/sh -c 'cd "$1"; shift; exec /usr/bin/env -i "$@"' sh "$work" "$@"
""".replace("{system}", " ".join(_SYSTEM))


def missing() -> str | None:
    """Why nothing can be contained here; None = it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root of a Linux may mount"
    programs = [name for name in ("unshare", "nsenter", "chroot", "mount") if shutil.which(name) is None]
    if programs:
        return f"no {', '.join(programs)}"
    tried = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"],  # noqa: S607 -- of the system
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    return None if tried.returncode == 0 else f"no mounts: {tried.stderr.strip()}"


@dataclass(frozen=True)
class Container:
    """What a process sees, and as whom it runs."""

    root: Path
    """An empty folder to mount on."""
    folders: Sequence[Path]
    """Seen at their own paths, read-only."""
    volumes: Sequence[Path]
    """Folders in those, empty and writable, as the image makes them: for user 10001 and group 0."""
    work: Path
    """Where commands begin."""
    variables: Mapping[str, str]
    """All that there are."""
    user: int
    """Of no name, and in group 0, as where a cluster assigns users."""

    def start(self, command: Sequence[str], output: IO[Any]) -> "subprocess.Popen[bytes]":
        """Start it; the process itself gets the signals."""
        arguments = [
            "unshare", "--mount", "--propagation", "private", "sh", "-c", _MOUNT, "sh", str(self.root), sys.base_prefix,
            f"{self.user}:0", *map(str, self.folders), "--", *map(str, self.volumes), "--", str(self.work), *self._assignments, *command,
        ]  # fmt: skip
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    @property
    def _assignments(self) -> list[str]:
        """Arguments of `env -i`."""
        return [f"{name}={value}" for name, value in self.variables.items()]

    def run(self, beside: int, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Run one more command where process `beside` runs, as `docker exec` does."""
        entered = [
            "nsenter", "--target", str(beside), "--mount", "--root", "--wd", "--setuid", str(self.user), "--setgid", "0", "--", "/usr/bin/env", "-i", *self._assignments, *command,
        ]  # fmt: skip
        return subprocess.run(entered, capture_output=True, check=False, text=True)
