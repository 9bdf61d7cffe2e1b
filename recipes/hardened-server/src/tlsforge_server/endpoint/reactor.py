"""The reactor of a process that serves."""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet import main

if sys.platform == "linux":
    from .epoll import ServingReactor


def process_reactor() -> Any:
    """The one reactor of this process: made with the first call, unless somebody has made another before. To be called before there is a
    deadline: they are kept by a clock that nobody sets, where Twisted's goes by the time of day."""
    if sys.platform == "linux" and "twisted.internet.reactor" not in sys.modules:
        install: Any = main.installReactor
        make: Any = ServingReactor
        install(make())
    from twisted.internet import reactor

    loop: Any = reactor
    loop.seconds = time.monotonic
    return loop
