"""``wework-message`` with a wall clock that is wrong by ``TEST_CLOCK_SHIFT_MS``; the boot clock is right.

Without libfaketime, which fails in the threads of Python 3.11 (clock_nanosleep answers EINVAL).
"""

import os
import time

from wework_message.__main__ import main

_SHIFT_NS = int(os.environ["TEST_CLOCK_SHIFT_MS"]) * 1_000_000
_time_ns = time.time_ns


def _shifted_ns() -> int:
    return _time_ns() + _SHIFT_NS


if __name__ == "__main__":
    time.time_ns = _shifted_ns
    time.time = lambda: _shifted_ns() / 1e9
    main()
