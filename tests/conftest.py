"""Fixtures for the servers, and the Hypothesis profiles. CI runs the state machine of the message five times as often."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
# The same examples on every run: the result of CI must not depend on chance. Runs elsewhere look for new examples.
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

pytest_plugins = ["tests.support.servers.plugin", "tests.support.mysql"]
