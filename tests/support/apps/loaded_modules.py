"""The program itself; at its end it writes the names of the modules that are loaded into ``loaded.json`` of its folder."""

import atexit
import json
import sys
from pathlib import Path

from wework_message.__main__ import main

if __name__ == "__main__":
    atexit.register(lambda: Path("loaded.json").write_text(json.dumps(sorted(sys.modules))))
    main()
