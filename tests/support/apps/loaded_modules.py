"""The program itself, for one command line after the other in one interpreter; ``THEN`` is between them.

Writes into ``loaded.json`` of its folder how each one ended, and the names of the modules that were loaded then.
"""

import itertools
import json
import sys
from pathlib import Path

from wework_message.__main__ import main

THEN = "THEN"


def run(arguments: list[str]) -> dict[str, object]:
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as ended:
        return {"code": ended.code or 0, "loaded": sorted(sys.modules)}
    raise AssertionError("a command line ends with its exit code")


if __name__ == "__main__":
    groups = itertools.groupby(sys.argv[1:], lambda argument: argument == THEN)
    command_lines = [list(group) for is_separator, group in groups if not is_separator]
    Path("loaded.json").write_text(json.dumps([run(command_line) for command_line in command_lines]))
