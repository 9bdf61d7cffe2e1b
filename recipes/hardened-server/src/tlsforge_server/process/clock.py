"""The reactor's clock."""

from __future__ import annotations

import time
from typing import Any


def steady(reactor: Any) -> Any:
    """Has deadlines kept by a clock that nobody sets: Twisted's goes by the time of day. To be called before there is a deadline. Returns
    the reactor."""
    reactor.seconds = time.monotonic
    return reactor
