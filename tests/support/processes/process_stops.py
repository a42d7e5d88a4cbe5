"""``wework-message`` that stops itself once by SIGSTOP: after the first intent is committed, before its call begins.

No signal from outside can meet that moment reliably.
"""

import itertools
import os
import signal
from typing import Any

from wework_message.__main__ import main
from wework_message.application.dispatch.dispatcher import Dispatcher

_calls = itertools.count()
_ask = Dispatcher._ask


async def _stop_and_ask(dispatcher: Dispatcher, started_call: Any) -> Any:
    if next(_calls) == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    return await _ask(dispatcher, started_call)


if __name__ == "__main__":
    Dispatcher._ask = _stop_and_ask  # type: ignore[method-assign, assignment]  # the point of this program
    main()
