"""The search for garbage, where what a test has left unclosed must be found now."""

import gc


def collect_garbage() -> None:
    """Find all that is unreachable. What is still reachable then is not looked at again: most of it lives until the end."""
    gc.collect()
    gc.freeze()
