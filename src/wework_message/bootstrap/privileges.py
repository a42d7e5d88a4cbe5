"""The user of the process."""

import os


def root_warnings() -> tuple[str, ...]:
    """A warning where the process runs as root, else nothing. It works as root, too: some containers know no other user."""
    if os.geteuid() != 0:
        return ()
    return ("the process runs as root: a fault in it could change the whole machine; give it a user of its own",)
