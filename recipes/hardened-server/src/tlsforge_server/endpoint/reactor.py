"""The reactor of a process that serves."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import main


def process_reactor() -> Any:
    """The one reactor of this process: made with the first call, unless somebody has made another before."""
    if sys.platform == "linux" and "twisted.internet.reactor" not in sys.modules:
        from .epoll import ServingReactor

        install: Any = main.installReactor
        make: Any = ServingReactor
        install(make())
    from twisted.internet import reactor

    return reactor
