"""The servers as fixtures, and how hard the properties are tried: CI tries the message's state machine five times as often."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
# The same examples on every run: what CI says must not depend on luck. New ones are looked for in every run elsewhere.
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

pytest_plugins = ["tests.support.servers.plugin", "tests.support.mysql"]
